//! The commands around painting: export and eval.

use crate::studio::Studio;
use impasto_core::conformance::shared_data;
use std::fs;

#[test]
fn a_model_is_exported_as_two_files() {
    let studio = Studio::new("onnx");
    let lines = studio.lines("export --target onnx --model classic -o tiny.onnx");
    assert_eq!(lines, ["tiny.onnx", "tiny.encoder.onnx"]);
    let bytes = |name: &str| fs::read(studio.path(name)).unwrap().len();
    let painter = bytes("tiny.onnx");
    studio.lines("export --target onnx --model classic --size 32x16 --half -o half.onnx");
    assert!(painter > 2000 && bytes("half.onnx") > 1000);
    studio.refuses("export --target onnx --model classic -o tiny.bin", 2, &["tiny.onnx"]);
    studio.refuses("export --target onnx --model classic -o no/tiny.onnx", 1, &["no", "make it first"]);
    // With the style in it, it is one file that takes a picture alone.
    let styled = "export --target onnx --model classic --size 32x16 --style wave.png:1 --style mosaic.png:3";
    assert_eq!(studio.lines(&format!("{styled} -o styled.onnx")), ["styled.onnx"]);
    assert!(!studio.path("styled.encoder.onnx").exists());
    studio.refuses("export --target oak --model classic -o app", 1, &["--style"]);
    studio.refuses(
        "export --target oak --model classic --style wave.png --compile -o app",
        2,
        &["--openvino-libs"],
    );
}

#[test]
fn the_oaks_folder_is_whole_or_not_there() {
    let studio = Studio::new("oak");
    let export = "export --target oak --model classic --style wave.png";
    studio.refuses(&format!("{export} --size 500x288 -o app"), 1, &["500x288", "multiples of 16", "512x288"]);
    studio.refuses(&format!("{export} --size 1920x1072 -o app"), 1, &["is the most"]);
    studio.refuses(&format!("{export} --size 64x64 --rim 3 -o app"), 1, &["even multiples"]);
    studio.refuses(&format!("{export} --half -o app"), 2, &["--half is for --target onnx"]);
    studio.refuses(
        "export --target onnx --model classic --yuv420 -o a.onnx",
        2,
        &["--yuv420 is for --target oak"],
    );
    let compile = format!("{export} --compile --openvino-libs config");
    studio.refuses(&format!("{compile} --shaves 17 -o app"), 2, &["17", "1..=16"]);
    let words = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        "libopenvino.so"
    } else {
        "Linux x86-64"
    };
    studio.refuses(&format!("{compile} --shaves 6 -o app"), 1, &[words]);

    studio.lines("styles make wave.png -o wave.style");
    studio.refuses(
        "export --target oak --model light --style wave.style -o app",
        1,
        &["wave.style", "model"],
    );

    studio.lines(&format!("{export} --size 64x32 --rim 16 --yuv420 -o app"));
    let app = fs::read_to_string(studio.path("app/app.json")).unwrap();
    let app: serde_json::Value = serde_json::from_str(&app).unwrap();
    assert_eq!((&app["image"]["width"], &app["picture"]["head"]), (&96.into(), &"yuv420".into()));
    studio.refuses(&format!("{export} -o app"), 1, &["app exists already"]);
}

#[test]
fn a_model_is_judged() {
    let Some(data) = shared_data("a_model_is_judged") else { return };
    let studio = Studio::new("eval");
    for name in ["photos/a.png", "photos/b.png"] {
        studio.picture(name, 48, 40);
    }
    studio.picture("paintings/p.png", 40, 48);
    let vgg = data.join("weights/vgg19_normalised_relu4_1.safetensors");
    let words = format!(
        "eval --model classic --contents photos --styles paintings --round 32x2 --json --vgg {}",
        vgg.display()
    );
    let report: serde_json::Value = serde_json::from_str(&studio.lines(&words).join("\n")).unwrap();
    assert!(report.to_string().contains("\"classic\""), "{report}");
    studio.lines(&format!("{words} -o report"));
    let files = studio.files();
    assert!(
        files.contains(&"report/report.json".into()) && files.contains(&"report/classic.png".into()),
        "{files:?}"
    );
    let missing = words.replace("photos", "nowhere");
    studio.refuses(&missing, 1, &["nowhere"]);
    studio.refuses(&words.replace("32x2", "32x2x2x2"), 2, &["WIDTHxHEIGHTxPAIRS"]);
    tuned_styles_and_films(&studio, &words);
}

/// A style's file beside its model untuned, on stills and on a film.
fn tuned_styles_and_films(studio: &Studio, words: &str) {
    studio.lines("styles make paintings/p.png --model classic --style-size 32 -o p.style");
    for name in ["films/one/1.png", "films/one/2.png", "films/one/3.png"] {
        studio.picture(name, 48, 40);
    }
    let tuned = words.replace("--styles paintings", "--style-file p.style --styles paintings/p.png");
    let judge = format!("{tuned} --clips films --steady 0.5").replace("32x2", "40x32x2");
    let report: serde_json::Value = serde_json::from_str(&studio.lines(&judge).join("\n")).unwrap();
    let results = &report["rounds"][0]["results"];
    assert_eq!((&results[0]["model"], &results[1]["model"]), (&"classic".into(), &"p".into()));
    assert!(results[1]["figures"]["gram_left"].as_f64().unwrap() > 0.0);
    let film = &report["clips"][0];
    assert_eq!((&film["clip"], &film["frames"], &film["styles"][0]), (&"one".into(), &3.into(), &"p".into()));
    // One picture three times: what does not change is painted without change.
    assert_eq!(film["results"][1]["figures"]["still"].as_f64(), Some(0.0));

    let folder = tuned.replace("paintings/p.png", "paintings");
    studio.refuses(&folder, 2, &["--styles must name that picture"]);
    studio.picture("empty/a.png", 48, 40);
    studio.refuses(&format!("{tuned} --clips empty"), 1, &["empty", "1 frames; at least 3"]);
    studio.refuses(&format!("{tuned} --clips nowhere"), 1, &["nowhere"]);
    studio.refuses(&tuned.replace("p.style", "paintings/p.png"), 1, &["p.png"]);
}
