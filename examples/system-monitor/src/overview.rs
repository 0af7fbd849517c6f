//! What the machine is.

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// `None` is what the operating system does not tell.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    host_name: Option<String>,
    os: Option<String>,
    kernel: Option<String>,
    architecture: String,
    cpu: Option<String>,
    cores: usize,
    physical_cores: Option<usize>,
    memory_bytes: u64,
    swap_bytes: u64,
    uptime_s: u64,
}

/// Asks the operating system, which takes a moment.
pub(crate) fn read() -> Overview {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(wanted);
    let model = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
    Overview {
        host_name: System::host_name(),
        os: System::long_os_version(),
        kernel: System::kernel_version(),
        architecture: System::cpu_arch(),
        cpu: model.filter(|model| !model.is_empty()),
        cores: system.cpus().len(),
        physical_cores: System::physical_core_count(),
        memory_bytes: system.total_memory(),
        swap_bytes: system.total_swap(),
        uptime_s: System::uptime(),
    }
}
