//! The page's painter, asked as its worker asks it.

use impasto::{Dials, EngineChoice, Image, Stylizer, builtin, scene};
use impasto_studio::Picture;
use impasto_studio::codec::{self, WireFormat};
use impasto_web::{Page, Reply, Request, WebError};
use serde_json::{Value, json};

fn model() -> Vec<u8> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../impasto/models/light.safetensors");
    std::fs::read(file).expect("the network lies in the repository")
}

/// All built-in styles as `web/site.mjs` packs them.
fn pack() -> Vec<u8> {
    let file = |style: &impasto::Style| style.to_bytes();
    let framed = |bytes: Vec<u8>| [(bytes.len() as u32).to_le_bytes().to_vec(), bytes].concat();
    builtin::quick_styles().iter().map(file).flat_map(framed).collect()
}

fn ask(page: &mut Page, request: Value, bytes: &[u8]) -> Result<Reply, WebError> {
    page.answer(Request::read(request.to_string().as_bytes())?, bytes)
}

fn opened() -> Page {
    let mut page = Page::default();
    ask(&mut page, json!({ "open": { "threads": 1 } }), &model()).unwrap();
    ask(&mut page, json!("styles"), &pack()).unwrap();
    ask(&mut page, json!({ "settings": { "styles": [{ "id": "waves" }] } }), &[]).unwrap();
    page
}

fn rgba(image: &Image) -> Vec<u8> {
    image.rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect()
}

#[test]
fn styles_are_listed_in_their_order_and_settings_are_checked() {
    let mut page = opened();
    let state = ask(&mut page, json!("state"), &[]).unwrap().json;
    let ids: Vec<_> = state["styles"].as_array().unwrap().iter().map(|style| style["id"].clone()).collect();
    let expected: Vec<_> = builtin::quick_styles().iter().map(|style| json!(style.provenance.name)).collect();
    assert_eq!(ids, expected);
    assert_eq!((&state["threads"], &state["model"]), (&json!(1), &json!("light")));
    let refused = ask(&mut page, json!({ "settings": { "strength": 3 } }), &[]).unwrap_err();
    assert!(refused.to_string().contains("strength"), "{refused}");
    let refused = ask(&mut page, json!({ "settings": { "styles": [{ "id": "none" }] } }), &[]).unwrap_err();
    assert!(refused.to_string().contains("none"), "{refused}");
}

#[test]
fn a_photo_is_painted_as_the_library_paints_it() {
    let (mut page, photo) = (opened(), scene::draw(96, 64, 1.0));
    let model = builtin::model("light").unwrap();
    let stylizer = Stylizer::builder(model).engine(EngineChoice::Cpu).threads(1).build().unwrap();
    let waves = builtin::quick_styles().into_iter().find(|style| style.provenance.name == "waves").unwrap();
    for (strength, keep_color) in [(1.0, 0.0), (0.5, 1.0)] {
        ask(&mut page, json!({ "settings": { "strength": strength, "keep_color": keep_color } }), &[])
            .unwrap();
        let request = json!({ "photo": { "width": 96, "height": 64, "sequence": 4, "captured_ms": 5.0 } });
        // The second time the photo is the one before.
        let bytes = if strength == 1.0 { rgba(&photo) } else { vec![] };
        let message = ask(&mut page, request, &bytes).unwrap().bytes;
        let (header, found) = codec::decode::<WebError>(&message, |_| unreachable!("it is RGBA")).unwrap();
        assert_eq!((header.sequence, header.captured_ms), (4, 5.0));
        let dials = Dials { strength, keep_color, ..Dials::default() };
        let expected = stylizer.paint(&photo, &waves, &dials).unwrap();
        assert_eq!(found.image(), &expected, "strength {strength}");
    }
}

#[test]
fn frames_come_back_in_their_format_and_are_counted() {
    let mut page = opened();
    let frame = Picture::from(scene::draw(64, 48, 0.0));
    for format in [WireFormat::I420, WireFormat::Rgba] {
        let message = codec::encode(&frame, format, 9, 77.0);
        let painted = ask(&mut page, json!("frame"), &message).unwrap();
        assert_eq!(painted.bytes.len(), message.len());
        assert_eq!(painted.bytes[..24], message[..24], "the header comes back");
        assert_ne!(painted.bytes[24..], message[24..], "it is painted");
    }
    let jpeg = codec::encode(&frame, WireFormat::Jpeg, 9, 77.0);
    assert!(ask(&mut page, json!("frame"), &jpeg).unwrap_err().to_string().contains("i420"));
    assert!(ask(&mut page, json!("frame"), &jpeg[..9]).is_err());
    let scene =
        json!({ "scene": { "width": 64, "height": 36, "seconds": 1, "sequence": 1, "captured_ms": 2 } });
    assert_eq!(ask(&mut page, scene, &[]).unwrap().bytes.len(), 24 + 4 * 64 * 36);
    ask(&mut page, json!({ "seen": { "latency_ms": 30 } }), &[]).unwrap();
    let stats = ask(&mut page, json!("stats"), &[]).unwrap().json;
    assert_eq!((&stats["frames_painted"], &stats["latency_p50_ms"]), (&json!(3), &json!(30.0)));
}

#[test]
fn paintings_become_styles_and_styles_become_files() {
    let (mut page, painting) = (opened(), scene::draw(80, 60, 2.0));
    let request = json!({ "painting": { "name": "My painting.jpg", "width": 80, "height": 60 } });
    let id = ask(&mut page, request, &rgba(&painting)).unwrap().json["id"].clone();
    assert_eq!(id, json!("my-painting"));
    for request in [
        json!({ "thumb": { "id": id } }),
        json!({ "small_painting": { "id": id } }),
        json!({ "thumb": { "id": "kiss" } }),
    ] {
        let file = ask(&mut page, request, &[]).unwrap().bytes;
        assert_eq!(file[..2], [0xff, 0xd8], "a JPEG");
    }
    ask(&mut page, json!({ "settings": { "styles": [{ "id": id }, { "id": "kiss" }] } }), &[]).unwrap();
    let file = ask(&mut page, json!({ "mix": { "name": "both" } }), &[]).unwrap().bytes;
    let again = ask(&mut page, json!("style_file"), &file).unwrap().json["id"].clone();
    assert_eq!(again, json!("both"));
    ask(&mut page, json!({ "remove": { "id": id } }), &[]).unwrap();
    assert!(ask(&mut page, json!({ "thumb": { "id": id } }), &[]).is_err());
    assert!(
        ask(&mut page, json!({ "remove": { "id": "kiss" } }), &[])
            .unwrap_err()
            .to_string()
            .contains("built in")
    );
}

#[test]
fn what_does_not_fit_is_refused_with_words() {
    let mut closed = Page::default();
    assert!(matches!(ask(&mut closed, json!("state"), &[]), Err(WebError::NotOpen)));
    assert!(
        ask(&mut closed, json!({ "open": { "threads": 1 } }), b"no network")
            .unwrap_err()
            .to_string()
            .contains("network")
    );
    let mut page = opened();
    let cases = [
        (json!({ "dance": {} }), "unknown"),
        (json!({ "painting": { "name": "a", "width": 2, "height": 2 } }), "bytes for a picture"),
        (json!({ "painting": { "name": "a", "width": usize::MAX, "height": 2 } }), "bytes for a picture"),
        (json!({ "photo": { "width": 1, "height": 1, "sequence": 0, "captured_ms": 0 } }), "no photo"),
        (json!("style_file"), "style"),
    ];
    for (request, words) in cases {
        let why = ask(&mut page, request.clone(), &[]).unwrap_err().to_string();
        assert!(why.contains(words), "{request}: {why}");
    }
    assert!(ask(&mut page, json!("styles"), &[9, 0, 0, 0, 1]).unwrap_err().to_string().contains("damaged"));
}
