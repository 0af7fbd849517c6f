#!/bin/sh
# Builds the plugin: build.sh [LIBRARY]. ZIG names the compiler, "zig" by default.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../toru-plugin-api/include
library=${1:-libzig_plugin.so}
zig=${ZIG:-zig}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The header as Zig sees it. It takes a while the first time.
"$zig" translate-c -lc -I "$include" "$include/toru_plugin.h" >"$work/toru.zig"
"$zig" build-lib -dynamic -O ReleaseSmall -fstrip -lc -femit-bin="$library" --name zig_plugin \
    --dep toru -Mroot="$here/zig_plugin.zig" -Mtoru="$work/toru.zig"
