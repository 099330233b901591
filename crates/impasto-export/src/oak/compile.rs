//! Compiles blobs for the Myriad X, offline and without a device, with libraries that the user points at:
//! OpenVINO 2022.1, as the Python wheel `onnxruntime-openvino==1.12.0` carries it.

use std::path::{Path, PathBuf};

/// Files that must lie in the folder; `libusb-1.0.so.0` must be installed besides.
pub const LIBRARIES: [&str; 7] = [
    "libopenvino.so",
    "libopenvino_c.so",
    "libopenvino_onnx_frontend.so",
    "libopenvino_intel_myriad_plugin.so",
    "libtbb.so.2",
    "libtbbmalloc.so.2",
    "plugins.xml",
];

/// Instructions to get the libraries, for messages and documents.
pub const RECIPE: &str = "\
python3 -m pip download --no-deps --only-binary=:all: --python-version 3.8 --implementation cp \\
    --platform manylinux2014_x86_64 onnxruntime-openvino==1.12.0
python3 -m zipfile -e onnxruntime_openvino-1.12.0-*.whl openvino-wheel
impasto export --target oak ... --compile --openvino-libs openvino-wheel/onnxruntime/capi";

/// Why a blob cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Another operating system or processor.
    #[error(
        "blobs can be compiled on Linux x86-64 only, where OpenVINO 2022.1 has its Myriad plugin; \
         export without --compile and convert the ONNX file as the folder's README says"
    )]
    Platform,
    /// A file is not in the folder.
    #[error("{} has no {missing}; --openvino-libs must name the folder of OpenVINO 2022.1's libraries:\n{RECIPE}", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        missing: &'static str,
    },
    /// A library does not load.
    #[error("cannot load {}: {what}; OpenVINO 2022.1 also needs libusb-1.0 (Debian: apt install libusb-1.0-0)", .library.display())]
    Load {
        /// The library.
        library: PathBuf,
        /// The loader's words.
        what: String,
    },
    /// Another version of OpenVINO.
    #[error("{} is OpenVINO {found}; the Myriad plugin needs 2022.1:\n{RECIPE}", .folder.display())]
    Version {
        /// The folder.
        folder: PathBuf,
        /// Its version.
        found: String,
    },
    /// A number of SHAVEs that the chip does not have.
    #[error("--shaves must be between 1 and 16, found {0}; 6 leaves room for the camera")]
    Shaves(usize),
    /// The compiler refuses.
    #[error(
        "OpenVINO's {step} failed with status {status}: the compiler does not take this network at this size"
    )]
    Refused {
        /// Which call.
        step: &'static str,
        /// Its output.
        status: i32,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

/// Compiles the ONNX file `onnx` for `shaves` SHAVEs and gives the blob: input `image` in bytes, all else in
/// 16-bit floats. `scratch` is a folder for a file on the way.
pub fn compile(libs: &Path, onnx: &Path, shaves: usize, scratch: &Path) -> Result<Vec<u8>, CompileError> {
    if !super::superblob::SHAVES.contains(&shaves) {
        return Err(CompileError::Shaves(shaves));
    }
    check_folder(libs)?;
    let out = scratch.join(format!("{shaves}.blob"));
    let io = |source| CompileError::Io { path: out.clone(), source };
    native::compile(libs, onnx, shaves, &out)?;
    let blob = std::fs::read(&out).map_err(io)?;
    std::fs::remove_file(&out).map_err(io)?;
    Ok(blob)
}

/// Tells whether the folder has what is needed, on this machine.
pub fn check_folder(libs: &Path) -> Result<(), CompileError> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(CompileError::Platform);
    }
    match LIBRARIES.iter().find(|name| !libs.join(name).is_file()) {
        Some(missing) => Err(CompileError::Missing { folder: libs.into(), missing }),
        None => Ok(()),
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod native {
    use super::CompileError;
    use std::path::Path;

    pub fn compile(_: &Path, _: &Path, _: usize, _: &Path) -> Result<(), CompileError> {
        Err(CompileError::Platform)
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod native {
    //! OpenVINO 2022.1's C interface, as far as it is needed: `ie_c_api.h`.

    use super::CompileError;
    use libloading::Library;
    use std::ffi::{CStr, CString, c_char, c_int, c_void};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::ptr::null_mut;

    /// `precision_e`: bytes.
    const U8: c_int = 40;
    /// `precision_e`: 16-bit floats.
    const FP16: c_int = 11;

    /// Name that 2022.1 gives itself; in the wheel only by its commit.
    const VERSIONS: [&str; 2] = ["2022.1.", "cdb9bec7210f8c24fde3e416c7ada820faaaa23e"];

    /// An object of the library's own.
    type Handle = *mut c_void;

    /// `ie_config_t`: a linked list of names and values.
    #[repr(C)]
    struct Config {
        name: *const c_char,
        value: *const c_char,
        next: *mut Config,
    }

    /// `ie_version_t`.
    #[repr(C)]
    struct Version {
        api_version: *mut c_char,
    }

    /// The functions, found by name.
    struct Api {
        version: unsafe extern "C" fn() -> Version,
        core_create: unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int,
        core_free: unsafe extern "C" fn(*mut Handle),
        read_network: unsafe extern "C" fn(Handle, *const c_char, *const c_char, *mut Handle) -> c_int,
        network_free: unsafe extern "C" fn(*mut Handle),
        input_count: unsafe extern "C" fn(Handle, *mut usize) -> c_int,
        input_name: unsafe extern "C" fn(Handle, usize, *mut *mut c_char) -> c_int,
        input_precision: unsafe extern "C" fn(Handle, *const c_char, c_int) -> c_int,
        output_count: unsafe extern "C" fn(Handle, *mut usize) -> c_int,
        output_name: unsafe extern "C" fn(Handle, usize, *mut *mut c_char) -> c_int,
        output_precision: unsafe extern "C" fn(Handle, *const c_char, c_int) -> c_int,
        name_free: unsafe extern "C" fn(*mut *mut c_char),
        load_network:
            unsafe extern "C" fn(Handle, Handle, *const c_char, *const Config, *mut Handle) -> c_int,
        export_network: unsafe extern "C" fn(Handle, *const c_char) -> c_int,
        executable_free: unsafe extern "C" fn(*mut Handle),
        /// Never unloaded: threads that it started may still run its code.
        _library: std::mem::ManuallyDrop<Library>,
    }

    impl Api {
        fn load(folder: &Path) -> Result<Self, CompileError> {
            let path = folder.join("libopenvino_c.so");
            let error =
                |e: libloading::Error| CompileError::Load { library: path.clone(), what: e.to_string() };
            // SAFETY: the user names this library; its initialisers are OpenVINO's own.
            let library = unsafe { Library::new(&path) }.map_err(error)?;
            macro_rules! find {
                ($name:literal) => {
                    // SAFETY: the type is that of `ie_c_api.h` of OpenVINO 2022.1, whose version is checked
                    // before any other function is called.
                    *unsafe { library.get($name.as_bytes()) }.map_err(error)?
                };
            }
            Ok(Self {
                version: find!("ie_c_api_version"),
                core_create: find!("ie_core_create"),
                core_free: find!("ie_core_free"),
                read_network: find!("ie_core_read_network"),
                network_free: find!("ie_network_free"),
                input_count: find!("ie_network_get_inputs_number"),
                input_name: find!("ie_network_get_input_name"),
                input_precision: find!("ie_network_set_input_precision"),
                output_count: find!("ie_network_get_outputs_number"),
                output_name: find!("ie_network_get_output_name"),
                output_precision: find!("ie_network_set_output_precision"),
                name_free: find!("ie_network_name_free"),
                load_network: find!("ie_core_load_network"),
                export_network: find!("ie_core_export_network"),
                executable_free: find!("ie_exec_network_free"),
                _library: std::mem::ManuallyDrop::new(library),
            })
        }

        fn version(&self) -> String {
            // SAFETY: the function takes nothing, and gives a NUL-terminated string that stays readable;
            // it is not freed, once per run.
            let version = unsafe { (self.version)() };
            if version.api_version.is_null() {
                return "of unknown version".into();
            }
            // SAFETY: as above.
            unsafe { CStr::from_ptr(version.api_version) }.to_string_lossy().into_owned()
        }
    }

    /// Frees a handle with the function that goes with it.
    struct Owned<'a> {
        handle: Handle,
        free: &'a unsafe extern "C" fn(*mut Handle),
    }

    impl Drop for Owned<'_> {
        fn drop(&mut self) {
            if !self.handle.is_null() {
                // SAFETY: the library made the handle, and it is freed once, by its own function.
                unsafe { (self.free)(&mut self.handle) }
            }
        }
    }

    fn done(step: &'static str, status: c_int) -> Result<(), CompileError> {
        if status == 0 { Ok(()) } else { Err(CompileError::Refused { step, status }) }
    }

    fn text(path: &Path) -> Result<CString, CompileError> {
        CString::new(path.as_os_str().as_bytes()).map_err(|e| CompileError::Io {
            path: path.into(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidInput, e),
        })
    }

    pub fn compile(libs: &Path, onnx: &Path, shaves: usize, out: &Path) -> Result<(), CompileError> {
        let api = Api::load(libs)?;
        let found = api.version();
        if !VERSIONS.iter().any(|version| found.contains(version)) {
            return Err(CompileError::Version { folder: libs.into(), found });
        }
        let (plugins, onnx, out) = (text(&libs.join("plugins.xml"))?, text(onnx)?, text(out)?);
        let mut core = Owned { handle: null_mut(), free: &api.core_free };
        // SAFETY: the path is NUL-terminated, and the handle is written by the call.
        done("ie_core_create", unsafe { (api.core_create)(plugins.as_ptr(), &mut core.handle) })?;
        let mut network = Owned { handle: null_mut(), free: &api.network_free };
        // SAFETY: as above; a null weights file means that the model file has its weights itself.
        let read =
            unsafe { (api.read_network)(core.handle, onnx.as_ptr(), std::ptr::null(), &mut network.handle) };
        done("ie_core_read_network", read)?;
        set_precisions(&api, network.handle)?;
        let mut executable = Owned { handle: null_mut(), free: &api.executable_free };
        load(&api, &core, &network, shaves, &mut executable)?;
        // SAFETY: the handle was made by a call that succeeded, and the path is NUL-terminated.
        done("ie_core_export_network", unsafe { (api.export_network)(executable.handle, out.as_ptr()) })
    }

    /// Bytes for `image`, 16-bit floats for everything else.
    fn set_precisions(api: &Api, network: Handle) -> Result<(), CompileError> {
        let sides = [
            (api.input_count, api.input_name, api.input_precision),
            (api.output_count, api.output_name, api.output_precision),
        ];
        for (count, name_of, set) in sides {
            let mut n = 0;
            // SAFETY: the network's handle is good, and `n` is written by the call.
            done("ie_network_get_*_number", unsafe { count(network, &mut n) })?;
            for i in 0..n {
                let mut name = null_mut();
                // SAFETY: `i` is below the count, and `name` is written by the call.
                done("ie_network_get_*_name", unsafe { name_of(network, i, &mut name) })?;
                // SAFETY: the call that succeeded gives a NUL-terminated string.
                let is_image = unsafe { CStr::from_ptr(name) }.to_bytes() == b"image";
                // SAFETY: as above; the name is freed once, after its last use.
                let status = unsafe {
                    let status = set(network, name, if is_image { U8 } else { FP16 });
                    (api.name_free)(&mut name);
                    status
                };
                done("ie_network_set_*_precision", status)?;
            }
        }
        Ok(())
    }

    /// Compiles without looking for a device.
    fn load(
        api: &Api,
        core: &Owned,
        network: &Owned,
        shaves: usize,
        executable: &mut Owned,
    ) -> Result<(), CompileError> {
        let number = CString::new(shaves.to_string()).expect("digits");
        let pairs: [(&CStr, &CStr); 4] = [
            (c"MYRIAD_ENABLE_MX_BOOT", c"NO"),
            (c"MYRIAD_NUMBER_OF_SHAVES", &number),
            (c"MYRIAD_NUMBER_OF_CMX_SLICES", &number),
            (c"MYRIAD_THROUGHPUT_STREAMS", c"1"),
        ];
        let mut list: Vec<Config> = pairs
            .iter()
            .map(|(name, value)| Config { name: name.as_ptr(), value: value.as_ptr(), next: null_mut() })
            .collect();
        for i in 1..list.len() {
            let next: *mut Config = &mut list[i];
            list[i - 1].next = next;
        }
        // SAFETY: both handles are good; the list and its strings outlive the call, and the list does not
        // move between taking its addresses and the call.
        let status = unsafe {
            (api.load_network)(
                core.handle,
                network.handle,
                c"MYRIAD".as_ptr(),
                list.as_ptr(),
                &mut executable.handle,
            )
        };
        done("ie_core_load_network", status)
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_libraries_is_refused_with_the_recipe() {
        let missing = check_folder(Path::new("no such folder")).unwrap_err().to_string();
        assert!(
            missing.contains("libopenvino.so") && missing.contains("onnxruntime-openvino==1.12.0"),
            "{missing}"
        );
        let shaves = compile(Path::new("x"), Path::new("x"), 17, Path::new("x")).unwrap_err();
        assert!(matches!(shaves, CompileError::Shaves(17)));
    }
}
