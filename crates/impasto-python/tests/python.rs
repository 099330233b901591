//! Runs the tests of the package (`tests/*.py`) on the library that cargo has just built, where there is a Python with numpy and pytest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The Python that `IMPASTO_PYTHON` names, else the one on the path; the reason where it cannot run the tests.
fn python() -> Result<String, String> {
    let python = env::var("IMPASTO_PYTHON").unwrap_or_else(|_| "python3".into());
    let needs = "import sys, numpy, pytest; assert sys.version_info >= (3, 9), sys.version";
    match Command::new(&python).args(["-c", needs]).output() {
        Err(error) => Err(format!("there is no {python} here: {error}")),
        Ok(output) if output.status.success() => Ok(python),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            let why = words.lines().last().unwrap_or_default().to_string();
            Err(format!(
                "{python} cannot run the tests of the Python package ({why}); pip install numpy pytest"
            ))
        }
    }
}

/// The library, which lies beside this test program.
fn library() -> PathBuf {
    let name = format!("{}impasto_python{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let path = env::current_exe().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "cargo has not built {}", path.display());
    path
}

#[test]
fn the_python_package_passes_its_tests() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("skipped: {why}"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let site = env::temp_dir().join(format!("impasto-python-{}", std::process::id()));
    let package = site.join("impasto");
    fs::create_dir_all(&package).unwrap();
    fs::copy(root.join("python/impasto/__init__.py"), package.join("__init__.py")).unwrap();
    let ending = if cfg!(windows) { "pyd" } else { "abi3.so" };
    fs::copy(library(), package.join(format!("_native.{ending}"))).unwrap();
    let outcome = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"])
        .current_dir(root)
        .env("PYTHONPATH", &site)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    fs::remove_dir_all(&site).unwrap();
    let words =
        [outcome.stdout, outcome.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    println!("{words}");
    assert!(outcome.status.success() && words.contains(" passed"), "the Python tests fail");
}
