//! `WatchToken`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio_stream::Stream;
use tokio_util::sync::ReusableBoxFuture;
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::access::Action;
use crate::grpc::call::Call;
use crate::grpc::entry::Entry;
use crate::grpc::fields::{self, Violations};
use crate::grpc::guard::Guard;
use crate::grpc::{Refusal, into_parts};
use crate::model::{Caller, CredentialName};
use crate::pb::v1::watch_token_response::Event;
use crate::pb::v1::{TokenProblem, WatchTokenRequest, WatchTokenResponse};
use crate::tokens::{News, Watch};

use super::{Tokens, token};

impl Tokens {
    pub(super) fn watch(
        &self,
        request: Request<WatchTokenRequest>,
    ) -> Result<WatchTokenStream, Refusal> {
        let (extensions, WatchTokenRequest { name, min_remaining }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        self.guard.credential(call, Action::WatchToken, &name)?;
        let mut violations = Violations::default();
        let min_remaining = min_remaining.map(fields::min_remaining).transpose();
        let min_remaining = violations.check("min_remaining", min_remaining);
        let min_remaining = violations.finish(min_remaining)?;
        let watch = self.issuer.watch(call.caller, min_remaining)?;
        let guard = self.guard.clone();
        let (caller, entry) = (call.caller.clone(), call.entry.clone());
        Ok(WatchTokenStream::of(Watcher { guard, caller, entry, name, watch }))
    }
}

/// Who watches what.
struct Watcher {
    guard: Guard,
    caller: Caller,
    entry: Arc<Entry>,
    name: CredentialName,
    watch: Watch,
}

impl Watcher {
    /// The next message, and the watcher to wait for the one after it.
    async fn step(mut self) -> (Result<WatchTokenResponse, Status>, Self) {
        let Self { guard, caller, entry, name, watch } = &mut self;
        let call = Call { caller, entry };
        let permitted = || guard.still(call, Action::WatchToken, name);
        let news = watch.next::<Refusal>(permitted).await;
        // What hands out a token is recorded before it is sent, and a stream that ends in an error
        // with it: the beginning was recorded like any other call.
        let message = news.and_then(|news| {
            if let News::Token(issued) = &news {
                entry.hands_out_another(&issued.token.id)?;
            }
            message(news)
        });
        let message = message.map_err(|Refusal(status)| status);
        if let Err(status) = &message {
            entry.ends(status);
        }
        (message, self)
    }
}

fn message(news: News) -> Result<WatchTokenResponse, Refusal> {
    let event = match news {
        News::Token(issued) => Event::Token(token(&issued)?),
        News::Problem { error, time } => {
            // As `IssueToken` would tell it.
            let Refusal(status) = error.into();
            let details = status.get_error_details();
            let delay = details.retry_info().and_then(|retry| retry.retry_delay);
            Event::Problem(TokenProblem {
                reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
                message: status.message().to_owned(),
                retry_time: delay.and_then(|delay| time.checked_add(delay)).map(Into::into),
            })
        }
    };
    Ok(WatchTokenResponse { event: Some(event) })
}

/// The messages of one watcher. The next one is worked out when the connection has room for it, so
/// nothing queues up for who does not read.
pub(in crate::grpc) struct WatchTokenStream {
    next: ReusableBoxFuture<'static, (Result<WatchTokenResponse, Status>, Watcher)>,
    over: bool,
}

impl WatchTokenStream {
    fn of(watcher: Watcher) -> Self {
        Self { next: ReusableBoxFuture::new(watcher.step()), over: false }
    }
}

impl Stream for WatchTokenStream {
    type Item = Result<WatchTokenResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let (message, watcher) = ready!(self.next.poll(context));
        match message {
            Ok(_) => self.next.set(watcher.step()),
            Err(_) => self.over = true,
        }
        Poll::Ready(Some(message))
    }
}
