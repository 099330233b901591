//! The page and its files, which are part of the program.

use super::Shared;
use super::answer::{asset, page};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;

const SCRIPT: &str = "text/javascript";

/// Path, kind and text of each file of the page.
const FILES: [(&str, &str, &str); 15] = [
    ("/app.js", SCRIPT, include_str!("../page/app.js")),
    ("/deepen.js", SCRIPT, include_str!("../page/deepen.js")),
    ("/deepening.js", SCRIPT, include_str!("../page/deepening.js")),
    ("/frames.js", SCRIPT, include_str!("../page/frames.js")),
    ("/gallery.js", SCRIPT, include_str!("../page/gallery.js")),
    ("/mix.js", SCRIPT, include_str!("../page/mix.js")),
    ("/notices.js", SCRIPT, include_str!("../page/notices.js")),
    ("/picture.js", SCRIPT, include_str!("../page/picture.js")),
    ("/recorder.js", SCRIPT, include_str!("../page/recorder.js")),
    ("/server.js", SCRIPT, include_str!("../page/server.js")),
    ("/sound.js", SCRIPT, include_str!("../page/sound.js")),
    ("/listener.js", SCRIPT, include_str!("../page/listener.js")),
    ("/store.js", SCRIPT, include_str!("../page/store.js")),
    ("/words.js", SCRIPT, include_str!("../page/words.js")),
    ("/style.css", "text/css", include_str!("../page/style.css")),
];

/// The page and its files, which hold nothing secret: whoever has no token is told so by the page.
pub(super) fn routes() -> Router<Shared> {
    let with_files = FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { asset(kind, text) }))
    });
    with_files.route("/", get(index))
}

async fn index(state: State<Shared>, request: Request) -> Response {
    page(state, request, include_str!("../page/index.html")).await
}

pub(super) async fn view(state: State<Shared>, request: Request) -> Response {
    page(state, request, include_str!("../page/view.html")).await
}
