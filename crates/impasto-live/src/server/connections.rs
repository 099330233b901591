//! Connections: accepted one by one, bounded in number, and given up where no request comes.
//!
//! A connection is a stranger's until it has brought the token. One side may have [`STRANGERS`] of those; one more pushes out the
//! oldest, so that whoever holds connections open without a request keeps nobody else from getting in. Up to [`GUESTS`] connections of one
//! side that have brought the token stay for as long as they like.

use super::body::Patience;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower_service::Service;

/// Connections of one side that have not brought the token.
const STRANGERS: usize = 24;
/// Connections of one side that have, and are never pushed out.
const GUESTS: usize = 64;
/// Connections in all.
const ALL: usize = 256;
/// Where the system gives no more connections, it is asked again after so long.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// A connection, for as long as anybody holds this.
pub(super) struct Visit {
    side: IpAddr,
    guest: AtomicBool,
    /// It was told to end.
    leaving: AtomicBool,
    leave: Notify,
}

impl Visit {
    fn is_stranger(&self) -> bool {
        !self.guest.load(Ordering::SeqCst) && !self.leaving.load(Ordering::SeqCst)
    }

    fn push_out(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.leave.notify_one();
    }
}

/// The connections that there are.
#[derive(Default)]
pub(super) struct Visits {
    /// The oldest first.
    all: Mutex<Vec<Weak<Visit>>>,
}

impl Visits {
    fn present(&self) -> Vec<Arc<Visit>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|visit| visit.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    }

    /// Takes in one more of that side; `None` where there are too many that cannot be pushed out.
    fn admit(&self, side: IpAddr) -> Option<Arc<Visit>> {
        let present = self.present();
        let strangers = |of: Option<IpAddr>| {
            let of_side = move |visit: &&Arc<Visit>| of.is_none_or(|side| visit.side == side);
            present.iter().filter(of_side).filter(|visit| visit.is_stranger())
        };
        if strangers(Some(side)).count() >= STRANGERS {
            strangers(Some(side)).next()?.push_out();
        } else if present.len() >= ALL {
            strangers(None).next()?.push_out();
        }
        let visit = Arc::new(Visit {
            side,
            guest: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            leave: Notify::new(),
        });
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&visit));
        Some(visit)
    }

    /// This connection has brought the token.
    pub fn welcome(&self, visit: &Visit) {
        if visit.guest.load(Ordering::SeqCst) {
            return;
        }
        let present = self.present();
        let is_guest = |other: &&Arc<Visit>| other.side == visit.side && other.guest.load(Ordering::SeqCst);
        visit.guest.store(present.iter().filter(is_guest).count() < GUESTS, Ordering::SeqCst);
    }

    /// Ends the oldest connection that has not brought the token.
    fn push_out_one(&self) {
        if let Some(oldest) = self.present().iter().find(|visit| visit.is_stranger()) {
            oldest.push_out();
        }
    }
}

/// Serves connections until it is dropped.
pub(super) async fn serve(listener: TcpListener, app: Router, visits: Arc<Visits>, patience: Patience) {
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            // No file handle is left, or the connection was gone at once.
            visits.push_out_one();
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Some(visit) = visits.admit(from.ip()) {
            tokio::spawn(connection(stream, app.clone(), visit, patience));
        }
        // Those that were pushed out end before the next one comes in.
        tokio::task::yield_now().await;
    }
}

async fn connection(stream: TcpStream, app: Router, visit: Arc<Visit>, patience: Patience) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(MAX_HEAD_BYTES);
    let known = visit.clone();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(known.clone());
        app.clone().call(request)
    });
    // An error is the other side's: it went away, or wrote what is no HTTP and has been told so.
    let served = http.serve_connection(TokioIo::new(stream), answer).with_upgrades();
    tokio::select! {
        _ = served => {}
        () = visit.leave.notified() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_push_out_the_oldest_of_their_own_side_and_no_guest() {
        let visits = Visits::default();
        let [here, there] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let other = visits.admit(there).unwrap();
        let guest = visits.admit(here).unwrap();
        visits.welcome(&guest);
        let crowd: Vec<_> = (0..STRANGERS + 1).map(|_| visits.admit(here).unwrap()).collect();
        let told = |visit: &Arc<Visit>| {
            let mut leaving = std::pin::pin!(visit.leave.notified());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            leaving.as_mut().poll(&mut context).is_ready()
        };
        assert!(told(&crowd[0]) && !told(&crowd[1]) && !told(&guest) && !told(&other));
        drop(crowd);
        assert_eq!(visits.present().len(), 2, "who has left is not counted");
    }

    #[test]
    fn guests_are_bounded_too() {
        let (visits, side) = (Visits::default(), IpAddr::from([127, 0, 0, 1]));
        let all: Vec<_> = (0..GUESTS + 3)
            .map(|_| {
                let visit = visits.admit(side).unwrap();
                visits.welcome(&visit);
                visit
            })
            .collect();
        assert_eq!(all.iter().filter(|visit| visit.guest.load(Ordering::SeqCst)).count(), GUESTS);
    }
}
