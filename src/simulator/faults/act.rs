//! Lets a fault happen to a request.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::sleep;

use super::plans::{Due, Plans};
use super::{Fault, Moment, OtherAnswer};
use crate::simulator::answer::{self, Answer, Refusal};

/// The connection is to be reset, in place of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset, as planned")]
pub(crate) struct Reset;

/// Answers a request by what `work` grants, unless the fault that is due comes between.
/// `work` has the effect; a success without a body is `None`.
pub(crate) async fn around(
    plans: &Plans,
    due: Option<Due>,
    work: impl FnOnce() -> Result<Option<Value>, Refusal>,
) -> Result<Answer, Reset> {
    let Some(due) = due else { return Ok(answered(work())) };
    match &due.fault {
        Fault::Latency(time) => {
            due.happens();
            sleep(*time).await;
            Ok(answered(work()))
        }
        Fault::Field(name, value) => {
            let mut outcome = work();
            if let Ok(Some(Value::Object(fields))) = &mut outcome {
                match value {
                    Some(value) => fields.insert((*name).to_owned(), value.clone()),
                    None => fields.remove(*name),
                };
                due.happens();
            }
            Ok(answered(outcome))
        }
        Fault::Answer(moment, other) => {
            lose(*moment, work, &due);
            Ok(other.answer())
        }
        Fault::Reset(moment) => {
            lose(*moment, work, &due);
            Err(Reset)
        }
        Fault::Hang(moment) => {
            lose(*moment, work, &due);
            tokio::select! {
                () = plans.stop.cancelled() => {}
                () = sleep(HANG_TIME_MAX) => {}
            }
            Err(Reset)
        }
    }
}

/// Does the work or not; what comes of it is what the client does not learn.
fn lose<T>(moment: Moment, work: impl FnOnce() -> T, due: &Due) {
    if moment == Moment::AfterEffect {
        let _lost = work();
    }
    due.happens();
}

fn answered(outcome: Result<Option<Value>, Refusal>) -> Answer {
    match outcome {
        Ok(Some(granted)) => answer::json(StatusCode::OK, &granted),
        Ok(None) => answer::empty(),
        Err(refusal) => refusal.answer(),
    }
}

impl OtherAnswer {
    fn answer(&self) -> Answer {
        let mut answer = Response::new(Full::new(self.body.clone()));
        *answer.status_mut() = self.status;
        let content_type = Some(self.content_type).filter(|kind| !kind.is_empty());
        for (name, value) in
            [(CONTENT_TYPE, content_type), (RETRY_AFTER, self.retry_after.as_deref())]
        {
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }
}

/// Longer than any client waits.
const HANG_TIME_MAX: Duration = Duration::from_secs(60);
