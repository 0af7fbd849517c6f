use toru_plugin_api::abi::{config::TORU_CONFIG_ID, kv::TORU_KV_ID, log::TORU_LOG_ID, rt::TORU_RT_ID};

/// What this host accepts as a plugin.
///
/// The default is the safe choice in every field. Change single fields of a default value:
///
/// ```
/// let mut policy = toru_host::discovery::Policy::default();
/// policy.max_file_bytes = 64 * 1024 * 1024;
/// policy.extensions.push("com.example.mail/1".to_owned());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Largest file in bytes. 256 MiB.
    pub max_file_bytes: u64,
    /// Refuse files and folders that others than root and the host's user could change. On.
    pub check_permissions: bool,
    /// Ids of the extensions that this host offers. Those of the contract itself.
    pub extensions: Vec<String>,
    /// Page paths that no plugin may take, each with everything beneath it.
    pub reserved_routes: Vec<String>,
    /// Accept `DT_RPATH`, `DT_RUNPATH` and needed libraries by path. Off: what they bring in is unchecked.
    pub allow_run_path: bool,
    /// Accept libraries that make the process's stacks executable. Off.
    pub allow_executable_stack: bool,
    /// Accept text relocations. Off.
    pub allow_text_relocations: bool,
    /// Accept static thread-local storage. Off: the reserve is small and shared by all plugins.
    pub allow_static_tls: bool,
    /// Accept `DT_AUDIT`, `DT_DEPAUDIT`, `DT_FILTER` and `DT_AUXILIARY`. Off.
    pub allow_audit: bool,
    /// Accept plugins whose panics end the process. Off.
    pub allow_panic_abort: bool,
}

impl Default for Policy {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Self {
            max_file_bytes: 256 * 1024 * 1024,
            check_permissions: true,
            extensions: texts(&[TORU_KV_ID, TORU_LOG_ID, TORU_RT_ID, TORU_CONFIG_ID]),
            reserved_routes: texts(&["/api", "/assets", "/login", "/plugins"]),
            allow_run_path: false,
            allow_executable_stack: false,
            allow_text_relocations: false,
            allow_static_tls: false,
            allow_audit: false,
            allow_panic_abort: false,
        }
    }
}
