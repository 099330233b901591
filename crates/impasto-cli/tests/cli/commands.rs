//! The other commands.

use crate::studio::{Studio, model};
use impasto_core::weights::Precision;
use impasto_cpu::Isa;
use std::fs;

const COMMANDS: [&str; 17] = [
    "stylize",
    "try",
    "watch",
    "video",
    "styles list",
    "styles make",
    "styles show",
    "demo",
    "web",
    "import",
    "train",
    "eval",
    "export",
    "bench",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_command_helps_with_an_example() {
    let studio = Studio::empty("help");
    for command in COMMANDS {
        let help = studio.lines(&format!("{command} --help")).join("\n");
        assert!(help.contains("Example") && help.contains(&format!("impasto {command}")), "{help}");
    }
}

#[test]
fn subcommands_leave_their_command_its_own_help() {
    let help = Studio::empty("about").lines("video --help");
    assert_eq!(help[0], "Paint a video in the style of a painting");
}

#[test]
fn styles_are_shown() {
    let studio = Studio::new("show");
    studio.lines("styles make wave.png:2 mosaic.png:1 -o both.style");
    let shown = studio.lines("styles show both.style").join("\n");
    for needle in ["both", "wave.png:2 + mosaic.png:1", "classic", "16 from"] {
        assert!(shown.contains(needle), "{shown}");
    }
    fs::remove_file(studio.path("classic.safetensors")).unwrap();
    assert_eq!(studio.lines("styles show both.style").join("\n"), shown, "the model need not be there");
    assert!(studio.lines("styles list").iter().any(|line| line.starts_with("starry-night")));
}

#[test]
fn the_model_is_found_in_the_configuration_folder_too() {
    let studio = Studio::new("config");
    fs::create_dir_all(studio.path("config/impasto")).unwrap();
    let place = studio.path("config/impasto/classic.safetensors");
    fs::rename(studio.path("classic.safetensors"), &place).unwrap();
    studio.lines("stylize photo.jpg --style wave.png --model classic");
    // The one in the working directory goes first.
    model("mine").save(&studio.path("classic.safetensors"), Precision::F32).unwrap();
    let said = studio.run("stylize photo.jpg --style wave.png --model classic --force");
    assert!(said.err.contains("mine model"), "{}", said.err);
}

#[test]
fn the_demo_needs_no_photo() {
    let studio = Studio::new("demo");
    assert_eq!(studio.lines("demo --model classic --style wave.png --size 18"), ["impasto-demo.png"]);
    let sheet = studio.read("impasto-demo.png").image;
    assert_eq!((sheet.width(), sheet.height()), (32 * 2 + 8, 18 + 22));
}

#[test]
fn the_bench_prints_what_the_design_says() {
    let studio = Studio::new("bench");
    let words = "bench --model classic --size 32x24 --size 16x16 --threads 1 --seconds 0 --json";
    let report: serde_json::Value = serde_json::from_str(&studio.lines(words).join("\n")).unwrap();
    assert!(report["machine"].is_object());
    let rows = report["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, size) in rows.iter().zip(["32x24", "16x16"]) {
        assert_eq!((row["model"].as_str(), row["size"].as_str()), (Some("classic"), Some(size)));
        assert_eq!(row["threads"], 1);
        let ms = |key: &str| row[key].as_f64().unwrap();
        assert!(0.0 < ms("min_ms") && ms("min_ms") <= ms("median_ms") && ms("median_ms") <= ms("max_ms"));
        assert!(row["engine"].as_str().unwrap().starts_with("cpu"));
        if cfg!(target_os = "linux") {
            assert!(row["peak_rss_bytes"].as_u64() > Some(1 << 20));
        }
    }
    let table = studio.lines("bench --model classic --size 16x16 --threads 1 --seconds 0");
    assert_eq!(table.len(), 3, "{table:?}");
    studio.refuses("bench --model gone.safetensors --threads 1", 1, &["gone.safetensors", "spelling"]);
}

#[test]
fn the_doctor_tests_every_engine() {
    let studio = Studio::new("doctor");
    let report: serde_json::Value = serde_json::from_str(&studio.lines("doctor --json").join("\n")).unwrap();
    let tests = report["self_tests"].as_array().unwrap();
    let tested = |engine: String| tests.iter().filter(|test| test["engine"] == *engine).count();
    for isa in Isa::ALL {
        assert_eq!(tested(format!("cpu ({isa})")), usize::from(isa.is_available()));
        assert_eq!(
            tested(format!("cpu ({isa}, int8)")),
            usize::from(impasto_cpu::Precision::Int8.is_available(isa))
        );
    }
    for test in tests {
        assert!(
            test["failures"].as_array().unwrap().is_empty() && test["cases"].as_u64() > Some(10),
            "{test}"
        );
    }
    let classic = &report["models"].as_array().unwrap()[1];
    assert_eq!(
        (classic["name"].as_str(), classic["place"].as_str()),
        (Some("classic"), Some("classic.safetensors"))
    );
    assert!(studio.lines("doctor").join("\n").contains("self-test"));
}

#[test]
fn completions_and_manual_know_the_commands() {
    let studio = Studio::empty("completions");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(studio.lines(&format!("completions {shell}")).join("\n").contains("stylize"), "{shell}");
    }
    assert!(studio.lines("man").join("\n").contains("stylize"));
    assert!(studio.lines("man stylize").join("\n").contains("strength"));
    studio.refuses("man paint", 2, &["no such command"]);
    let pages = studio.lines("man -o share/man1");
    assert!(
        pages.contains(&"share/man1/impasto.1".into())
            && pages.contains(&"share/man1/impasto-stylize.1".into())
    );
    assert!(!pages.iter().any(|page| page.contains("bench-row")), "{pages:?}");
}

#[test]
fn the_web_page_is_written_or_the_command_says_how_to_get_it() {
    let studio = Studio::empty("web");
    if impasto_web::site::files().is_empty() {
        studio.refuses("web -o site", 1, &["web/build.sh", "IMPASTO_SITE"]);
        assert!(!studio.path("site").exists(), "nothing is left behind");
        return;
    }
    assert!(studio.lines("web -o site")[0].ends_with("index.html"));
    assert!(studio.path("site/light.safetensors").exists() && studio.path("site/sw.js").exists());
}
