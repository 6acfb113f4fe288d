//! The portal's door: pages behind it change while it stays open, so that nobody who is coming in is turned away.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Leads whoever asks to the pages that are in use. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Door(Arc<RwLock<Router>>);

impl Door {
    /// A door to these pages.
    pub(super) fn new(pages: Router) -> Self {
        Self(Arc::new(RwLock::new(pages)))
    }

    /// Leads to other pages from now on; what is being answered is answered by the old ones.
    pub(super) fn leads_to(&self, pages: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pages;
    }

    async fn answer(self, request: Request) -> Response {
        let pages = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match pages.oneshot(request).await {
            Ok(response) => response.into_response(),
            Err(never) => match never {},
        }
    }

    /// Answers until `stop`.
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let all = Router::new().fallback(move |request: Request| self.clone().answer(request));
        // Who asks is known, so that the form can tell when too much comes from one address.
        let all = all.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, all).with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = server.await {
            tracing::error!(%error, "the portal ended");
        }
    }
}
