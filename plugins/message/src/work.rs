//! A batch on its way: whatever does not depend on how requests are sent.

use crate::pace::Pace;
use crate::{Reply, Service, answer, memory};
use http::Request;
use patchpanel_plugin::{Problem, Receipt};
use std::cell::RefCell;
use std::time::{Duration, SystemTime};

pub(crate) type Answer = Result<Receipt, Problem>;

/// What is sent for one delivery, in this order; or why nothing is.
pub(crate) struct Job {
    pub(crate) delivery: String,
    pub(crate) requests: Result<Vec<Request<String>>, Problem>,
}

/// How requests are sent.
#[cfg_attr(
    all(not(target_family = "wasm"), not(test)),
    allow(dead_code, reason = "natively nothing is sent")
)]
pub(crate) trait Network: 'static {
    async fn send(&self, request: Request<String>, timeout: Duration) -> Result<Reply, Problem>;
    async fn sleep(&self, time: Duration);
    fn now(&self) -> SystemTime;
}

/// What holds for all requests of a channel.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) service: &'static Service,
    pub(crate) timeout: Duration,
    pub(crate) pace: Pace,
    /// Never repeated in a problem.
    pub(crate) secrets: Vec<String>,
}

/// One batch.
pub(crate) struct Work {
    queue: RefCell<std::iter::Enumerate<std::vec::IntoIter<Job>>>,
    answers: RefCell<Vec<Answer>>,
    end: SystemTime,
}

/// Time for a whole batch. The router cuts a call off after 30 s by default, and then knows of no delivery of it how it
/// went; so what has not been sent by now is given back to be tried again.
const BUDGET: Duration = Duration::from_secs(25);

/// What a request needs at least, after it has waited for its turn.
const LEAST: Duration = Duration::from_secs(2);

/// More would be no message.
pub(crate) const MOST_REQUESTS: usize = 100;

/// So long it is known which parts of a delivery were taken: longer than deliveries are retried.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg_attr(
    all(not(target_family = "wasm"), not(test)),
    allow(dead_code, reason = "natively nothing is sent")
)]
impl Work {
    pub(crate) fn new(jobs: Vec<Job>, now: SystemTime) -> Self {
        let none = || Err(Problem::Retry("the request was not sent".to_owned()));
        Self {
            answers: RefCell::new(jobs.iter().map(|_| none()).collect()),
            queue: RefCell::new(jobs.into_iter().enumerate()),
            end: now + BUDGET,
        }
    }

    /// One answer for each job, in order.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.answers.take()
    }

    /// Takes job after job until there is none left. Several may do so at a time, so that a slow one holds up nobody.
    pub(crate) async fn run(&self, terms: &Terms, network: &impl Network) {
        loop {
            let next = self.queue.borrow_mut().next();
            let Some((index, job)) = next else { return };
            let answer = self.deliver(terms, network, job).await;
            if let Some(slot) = self.answers.borrow_mut().get_mut(index) {
                *slot = answer;
            }
        }
    }

    /// Sends the parts of a delivery that have not been taken yet. One that is refused for good does not keep back the
    /// others, which may be for other people.
    async fn deliver(&self, terms: &Terms, network: &impl Network, job: Job) -> Answer {
        let requests = job.requests?;
        let count = requests.len();
        let parts = Parts::of(&job.delivery, count);
        let (mut receipt, mut refused) = (None, None);
        for (index, request) in requests.into_iter().enumerate() {
            if parts.taken(index) {
                continue;
            }
            match self.send(terms, network, request).await {
                Ok(one) => {
                    parts.take(index);
                    receipt.get_or_insert(one);
                }
                Err(Problem::Reject(why)) => drop(refused.get_or_insert(of_part(index, count, why))),
                Err(Problem::Retry(why)) => return Err(Problem::Retry(of_part(index, count, why))),
                Err(Problem::RetryAfter((wait, why))) => {
                    return Err(Problem::RetryAfter((wait, of_part(index, count, why))));
                }
                Err(Problem::Disable(why)) => return Err(Problem::Disable(why)),
            }
        }
        match refused {
            Some(why) => Err(Problem::Reject(why)),
            None => {
                parts.forget();
                Ok(receipt.unwrap_or_default())
            }
        }
    }

    async fn send(&self, terms: &Terms, network: &impl Network, request: Request<String>) -> Answer {
        let left = || self.end.duration_since(network.now()).unwrap_or_default();
        if terms.pace.is_set() {
            match terms.pace.take(network.now(), left().saturating_sub(LEAST)) {
                Ok(Duration::ZERO) => {}
                Ok(wait) => network.sleep(wait).await,
                Err(wait) => {
                    return Err(Problem::retry_after(
                        wait,
                        "others go first, at the `pace` of this channel",
                    ));
                }
            }
        }
        let timeout = terms.timeout.min(left());
        if timeout.is_zero() {
            return Err(Problem::Retry("the batch ran out of time".to_owned()));
        }
        let reply = network.send(request, timeout).await?;
        let answer = answer::judge(terms.service, &reply, &terms.secrets, network.now());
        if let (true, Err(Problem::RetryAfter((wait, _)))) = (terms.pace.is_set(), &answer) {
            terms.pace.hold(network.now(), Duration::from_millis(*wait));
        }
        answer
    }
}

fn of_part(index: usize, count: usize, why: String) -> String {
    if count > 1 {
        format!("part {} of {count}: {why}", index + 1)
    } else {
        why
    }
}

/// Which parts of a delivery were taken, so that an attempt after one that failed halfway repeats none of them.
struct Parts(Option<String>);

impl Parts {
    fn of(delivery: &str, count: usize) -> Self {
        Self((count > 1).then(|| format!("parts/{delivery}")))
    }

    fn taken(&self, index: usize) -> bool {
        let known = self.0.as_deref().and_then(memory::get).unwrap_or_default();
        known.iter().any(|&part| usize::from(part) == index)
    }

    fn take(&self, index: usize) {
        // There are fewer than a byte can count: see `MOST_REQUESTS`.
        if let (Some(key), Ok(part)) = (&self.0, u8::try_from(index)) {
            let known = memory::get(key);
            let more = [known.as_deref().unwrap_or_default(), &[part]].concat();
            memory::swap(key, known.as_deref(), Some(&more), REMEMBERED);
        }
    }

    fn forget(&self) {
        if let Some(key) = &self.0 {
            memory::swap(key, memory::get(key).as_deref(), None, REMEMBERED);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Said;
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::UNIX_EPOCH;

    static SERVICE: Service = Service {
        rows: &[],
        read: Said::plain,
    };

    /// Answers from a list, and a clock that only sleeping moves.
    #[derive(Default)]
    struct Script {
        answers: RefCell<VecDeque<(u16, Option<&'static str>)>>,
        sent: RefCell<Vec<(String, u64)>>,
        clock: Cell<Duration>,
    }

    impl Network for Script {
        async fn send(&self, request: Request<String>, _: Duration) -> Result<Reply, Problem> {
            self.sent
                .borrow_mut()
                .push((request.into_body(), self.clock.get().as_secs()));
            let (status, retry_after) = self.answers.borrow_mut().pop_front().unwrap_or((200, None));
            Ok(Reply {
                status,
                retry_after: retry_after.map(str::to_owned),
                body: String::new(),
            })
        }
        async fn sleep(&self, time: Duration) {
            self.clock.set(self.clock.get() + time);
        }
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + self.clock.get()
        }
    }

    fn terms(pace: u64, hook: &str) -> Terms {
        Terms {
            service: &SERVICE,
            timeout: Duration::from_secs(10),
            pace: Pace::new(Duration::from_secs(pace), hook),
            secrets: Vec::new(),
        }
    }

    fn answers(terms: &Terms, script: &Script, deliveries: &[(&str, &[&str])]) -> Vec<Answer> {
        let job = |(delivery, bodies): &(&str, &[&str])| Job {
            delivery: (*delivery).to_owned(),
            requests: Ok(bodies.iter().map(|body| Request::new((*body).to_owned())).collect()),
        };
        let work = Work::new(deliveries.iter().map(job).collect(), script.now());
        let done = pin!(work.run(terms, script)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(())));
        work.answers()
    }

    #[test]
    fn messages_keep_their_distance_and_what_is_too_late_comes_again() {
        let script = Script::default();
        let names: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let bodies: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let deliveries: Vec<(&str, &[&str])> = names
            .iter()
            .map(String::as_str)
            .zip(bodies.iter().map(|body| &body[..]))
            .collect();
        let answers = answers(&terms(1, "distance"), &script, &deliveries);
        let seconds: Vec<u64> = script.sent.borrow().iter().map(|(_, second)| *second).collect();
        assert_eq!(seconds, (0..24).collect::<Vec<_>>());
        assert!(answers.iter().take(24).all(Result::is_ok));
        assert!(
            answers
                .iter()
                .skip(24)
                .all(|answer| matches!(answer, Err(Problem::RetryAfter((1000, _)))))
        );
    }

    #[test]
    fn a_hook_that_wants_to_be_left_alone_is() {
        let script = Script::default();
        script.answers.borrow_mut().push_back((429, Some("60")));
        let answers = answers(&terms(1, "alone"), &script, &[("a", &["1"]), ("b", &["2"])]);
        assert_eq!(script.sent.borrow().len(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Err(Problem::RetryAfter((60_000, _))))),
            "{answers:?}"
        );
    }

    #[test]
    fn parts_that_were_taken_are_not_sent_again() {
        let script = Script::default();
        let deliver = |statuses: &[u16]| {
            script
                .answers
                .borrow_mut()
                .extend(statuses.iter().map(|&status| (status, None)));
            let answer = answers(&terms(0, "parts"), &script, &[("d", &["1", "2", "3"])])
                .pop()
                .unwrap();
            let sent: Vec<String> = script.sent.take().into_iter().map(|(body, _)| body).collect();
            (answer, sent.concat())
        };
        let (answer, sent) = deliver(&[200, 503]);
        assert_eq!(
            (answer, sent.as_str()),
            (
                Err(Problem::Retry("part 2 of 3: 503 Service Unavailable".to_owned())),
                "12"
            )
        );
        let (answer, sent) = deliver(&[400, 200]);
        assert_eq!(
            (answer, sent.as_str()),
            (Err(Problem::Reject("part 2 of 3: 400 Bad Request".to_owned())), "23")
        );
        let (answer, sent) = deliver(&[200]);
        assert_eq!((answer.is_ok(), sent.as_str()), (true, "2"));
        assert_eq!(deliver(&[200, 200, 200]).1, "123");
    }
}
