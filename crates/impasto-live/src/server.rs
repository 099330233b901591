//! The page, the API and the streams, over HTTP on this machine.

mod api;
mod guard;
mod socket;
mod stream;

pub use guard::Guard;

use crate::gallery::MAX_DROP_BYTES;
use crate::{LiveError, Studio};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A port that is taken is passed over for the next, so many times.
const PORT_TRIES: u16 = 20;

/// Threads beside the server for what takes longer than a moment; each keeps a few megabytes of its own.
const HELPERS: usize = 3;

/// Where the server listens, and who may steer.
pub struct ServerOptions {
    /// Address to listen on; 127.0.0.1 by default.
    pub address: IpAddr,
    /// Port to begin with; 0 takes any.
    pub port: u16,
    /// What stands in the address of whoever may look and steer.
    pub token: String,
    /// Where recordings that the API starts are written.
    pub folder: PathBuf,
    /// Makes recorders for files.
    pub recorders: Option<RecorderFactory>,
}

/// Makes a recorder that writes into a file, with a track of sound or without.
pub type RecorderFactory =
    Arc<dyn Fn(&std::path::Path, bool) -> Result<Box<dyn crate::record::Recorder>, LiveError> + Send + Sync>;

impl ServerOptions {
    /// On 127.0.0.1, from port 7878 on, with this token, recording into the working directory.
    pub fn new(token: String) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { address, port: 7878, token, folder: PathBuf::from("."), recorders: None }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    studio: Arc<Studio>,
    guard: Arc<Guard>,
    /// Number of the viewer that steers; 0 is nobody.
    steering: Arc<AtomicU64>,
    next_viewer: Arc<AtomicU64>,
    folder: Arc<PathBuf>,
    recorders: Option<RecorderFactory>,
    stopping: Arc<Notify>,
}

/// A server at work. It ends, with its studio, when [`Server::stop`] is called or it is dropped.
pub struct Server {
    address: SocketAddr,
    token: String,
    studio: Arc<Studio>,
    stopping: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves on a thread of its own.
    pub fn start(studio: Arc<Studio>, options: ServerOptions) -> Result<Self, LiveError> {
        let system = |source| LiveError::Listen { address: options.address.to_string(), source };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(HELPERS).build().map_err(system)?;
        let listener = runtime.block_on(bind(options.address, options.port))?;
        let address = listener.local_addr().map_err(system)?;
        let stopping = Arc::new(Notify::new());
        let shared = Shared {
            studio: studio.clone(),
            guard: Arc::new(Guard::new(address, options.token.clone())),
            steering: Arc::default(),
            next_viewer: Arc::new(AtomicU64::new(1)),
            folder: Arc::new(options.folder),
            recorders: options.recorders,
            stopping: stopping.clone(),
        };
        let serve = move || {
            let stopped = shared.stopping.clone();
            let app = router(shared);
            runtime.block_on(async move {
                tokio::select! {
                    served = std::future::IntoFuture::into_future(axum::serve(listener, app)) => {
                        if let Err(why) = served { eprintln!("the live server ended: {why}") }
                    }
                    () = stopped.notified() => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("serve".into())
            .spawn(serve)
            .expect("the system starts a thread");
        Ok(Self { address, token: options.token, studio, stopping, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page's address, with the token.
    pub fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token)
    }

    /// Ends the server and its studio.
    pub fn stop(&mut self) {
        self.studio.stop();
        self.stopping.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn bind(address: IpAddr, port: u16) -> Result<TcpListener, LiveError> {
    let mut tried = port;
    loop {
        let socket = SocketAddr::new(address, tried);
        match TcpListener::bind(socket).await {
            Ok(listener) => return Ok(listener),
            Err(source) => {
                let taken = source.kind() == std::io::ErrorKind::AddrInUse;
                if !taken || tried >= port.saturating_add(PORT_TRIES) || tried == u16::MAX {
                    return Err(LiveError::Listen { address: socket.to_string(), source });
                }
                tried += 1;
            }
        }
    }
}

fn router(shared: Shared) -> Router {
    let guarded = Router::new()
        .route("/view", get(|| page(include_str!("page/view.html"))))
        .route("/ws", get(socket::open))
        .route("/stream.mjpg", get(stream::mjpeg))
        .route("/api/snapshot.png", get(api::snapshot))
        .route("/api/settings", post(api::settings))
        .route("/api/styles", post(api::add_style).layer(DefaultBodyLimit::max(MAX_DROP_BYTES)))
        .route("/api/styles/{id}", delete(api::remove_style))
        .route("/api/record", post(api::record))
        .route_layer(middleware::from_fn_with_state(shared.clone(), guard::with_token));
    Router::new()
        .route("/", get(|| page(include_str!("page/index.html"))))
        .route("/app.js", get(|| asset("text/javascript", include_str!("page/app.js"))))
        .route("/frames.js", get(|| asset("text/javascript", include_str!("page/frames.js"))))
        .route("/sound.js", get(|| asset("text/javascript", include_str!("page/sound.js"))))
        .route("/listener.js", get(|| asset("text/javascript", include_str!("page/listener.js"))))
        .route("/style.css", get(|| asset("text/css", include_str!("page/style.css"))))
        .route("/api/stats", get(api::stats))
        .route("/api/state", get(api::state))
        .route("/api/styles/{id}/thumb.jpg", get(api::thumb))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(shared.clone(), guard::same_origin))
        .with_state(shared)
}

async fn page(text: &'static str) -> Response {
    let policy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' ws: wss:; \
                  style-src 'self'; script-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(text)).into_response()
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
