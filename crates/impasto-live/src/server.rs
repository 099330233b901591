//! The page, the API and the streams, over HTTP on this machine.

mod answer;
mod api;
mod body;
mod connections;
mod guard;
mod pages;
mod socket;
mod stream;
mod wheel;

pub use body::Patience;
pub use guard::Guard;

use crate::{LiveError, Studio};
use api::Turns;
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use connections::Visits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use wheel::Wheel;

/// A port that is taken is passed over for the next, so many times.
const PORT_TRIES: u16 = 20;

/// Threads beside the server for what takes longer than a moment; each keeps a few megabytes of its own.
const HELPERS: usize = 5;

/// Longest wait for helpers at the end: one whose disk does not answer is left behind.
const LAST_WAIT: Duration = Duration::from_secs(5);

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
    /// How long requests may take to come.
    pub patience: Patience,
}

/// Makes a recorder that writes into a file, with a track of sound or without.
pub type RecorderFactory =
    Arc<dyn Fn(&std::path::Path, bool) -> Result<Box<dyn crate::record::Recorder>, LiveError> + Send + Sync>;

impl ServerOptions {
    /// On 127.0.0.1, from port 7878 on, with this token, recording into the working directory.
    pub fn new(token: String) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (folder, patience) = (PathBuf::from("."), Patience::default());
        Self { address, port: 7878, token, folder, recorders: None, patience }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    studio: Arc<Studio>,
    guard: Arc<Guard>,
    wheel: Arc<Wheel>,
    visits: Arc<Visits>,
    turns: Arc<Turns>,
    patience: Patience,
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
            wheel: Arc::default(),
            visits: Arc::default(),
            turns: Arc::default(),
            patience: options.patience,
            next_viewer: Arc::new(AtomicU64::new(1)),
            folder: Arc::new(options.folder),
            recorders: options.recorders,
            stopping: stopping.clone(),
        };
        let serve = move || {
            let (stopped, visits, patience) =
                (shared.stopping.clone(), shared.visits.clone(), shared.patience);
            let app = router(shared);
            runtime.block_on(async move {
                tokio::select! {
                    () = connections::serve(listener, app, visits, patience) => {}
                    () = stopped.notified() => {}
                }
            });
            runtime.shutdown_timeout(LAST_WAIT);
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

    /// The page's address on this machine, with the token.
    pub fn url(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}/?token={}", self.token)
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
        .route("/view", get(pages::view))
        .route("/ws", get(socket::open))
        .route("/stream.mjpg", get(stream::mjpeg))
        .route("/api/stats", get(api::stats))
        .route("/api/state", get(api::state))
        .route("/api/snapshot.png", get(api::snapshot))
        .route("/api/settings", post(api::settings))
        .route("/api/styles", post(api::add_style))
        .route("/api/styles/{id}", delete(api::remove_style))
        .route("/api/styles/{id}/thumb.jpg", get(api::thumb))
        .route("/api/styles/{id}/painting.jpg", get(api::painting))
        .route("/api/styles/{id}/deepen", get(api::deepening).post(api::deepen))
        .route("/api/styles/{id}/file.style", get(api::style_file))
        .route("/api/record", post(api::record))
        .route_layer(middleware::from_fn_with_state(shared.clone(), guard::with_token));
    pages::routes()
        .merge(guarded)
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(middleware::from_fn_with_state(shared.clone(), guard::same_origin))
        .layer(middleware::from_fn(answer::complete))
        .with_state(shared)
}
