//! A batch on its way: whatever does not depend on how requests are sent.
//!
//! Deliveries go side by side, the requests of each one after the other: a round sends the next request of each.

use crate::pace::Pace;
use crate::{Reply, Service, answer, memory};
use http::Request;
use patchpanel_plugin::{Problem, Receipt};
use std::time::{Duration, SystemTime};

pub(crate) type Answer = Result<Receipt, Problem>;

/// What is sent for one delivery, in this order; or why nothing is.
pub(crate) struct Job {
    pub(crate) delivery: String,
    pub(crate) requests: Result<Vec<Request<String>>, Problem>,
}

/// How requests are sent.
pub(crate) trait Network {
    /// One reply each, in order. Each may take `timeout`, all together `within`.
    fn send(&self, requests: &[Request<String>], timeout: Duration, within: Duration) -> Vec<Result<Reply, Problem>>;
    fn sleep(&self, time: Duration);
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

/// Time for a whole batch. The router cuts a call off after 30 s by default, and then knows of no delivery of it how it
/// went; so what has not been sent by now is given back to be tried again.
const BUDGET: Duration = Duration::from_secs(25);

/// What a request needs at least, after it has waited for its turn.
const LEAST: Duration = Duration::from_secs(2);

/// More would be no message.
pub(crate) const MOST_REQUESTS: usize = 100;

/// So long it is known which parts of a delivery were taken: longer than deliveries are retried.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Does a batch: one answer for each job, in order.
pub(crate) fn run(jobs: Vec<Job>, terms: &Terms, network: &impl Network) -> Vec<Answer> {
    let end = network.now() + BUDGET;
    let mut works: Vec<Work> = jobs.into_iter().map(Work::new).collect();
    // One after the other where there is a pace to keep.
    let side_by_side = if terms.pace.is_set() { 1 } else { works.len() };
    loop {
        let (mut owners, mut requests) = (Vec::new(), Vec::new());
        for work in &mut works {
            if owners.len() == side_by_side {
                break;
            }
            if let Some(request) = work.next() {
                requests.push(request);
                owners.push(work);
            }
        }
        if owners.is_empty() {
            break;
        }
        let answers = exchange(&requests, terms, network, end);
        for (work, answer) in owners.into_iter().zip(answers) {
            work.answered(answer);
        }
    }
    works.into_iter().map(Work::answer).collect()
}

/// Sends a round, when its time has come.
fn exchange(requests: &[Request<String>], terms: &Terms, network: &impl Network, end: SystemTime) -> Vec<Answer> {
    let left = || end.duration_since(network.now()).unwrap_or_default();
    let none = |problem: Problem| requests.iter().map(|_| Err(problem.clone())).collect();
    if terms.pace.is_set() {
        match terms.pace.take(network.now(), left().saturating_sub(LEAST)) {
            Ok(Duration::ZERO) => {}
            Ok(wait) => network.sleep(wait),
            Err(wait) => {
                let why = "others go first, at the `pace` of this channel";
                return none(Problem::retry_after(wait, why));
            }
        }
    }
    let within = left();
    if within.is_zero() {
        return none(Problem::Retry("the batch ran out of time".to_owned()));
    }
    let replies = network.send(requests, terms.timeout, within);
    let now = network.now();
    let judged = replies.into_iter().map(|reply| {
        let answer = reply.and_then(|reply| answer::judge(terms.service, &reply, &terms.secrets, now));
        if let (true, Err(Problem::RetryAfter((wait, _)))) = (terms.pace.is_set(), &answer) {
            terms.pace.hold(now, Duration::from_millis(*wait));
        }
        answer
    });
    judged.collect()
}

/// One delivery on its way. A part that is refused for good does not keep back the others, which may be for other people.
struct Work {
    requests: std::vec::IntoIter<Request<String>>,
    parts: Parts,
    /// The part that was sent last, counted from 1.
    part: usize,
    receipt: Option<Receipt>,
    refused: Option<String>,
    /// What ended it early.
    ended: Option<Problem>,
}

impl Work {
    fn new(job: Job) -> Self {
        let (requests, ended) = match job.requests {
            Ok(requests) => (requests, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Self {
            parts: Parts::of(&job.delivery, requests.len()),
            requests: requests.into_iter(),
            part: 0,
            receipt: None,
            refused: None,
            ended,
        }
    }

    /// The next request that has not been taken yet.
    fn next(&mut self) -> Option<Request<String>> {
        if self.ended.is_some() {
            return None;
        }
        loop {
            let request = self.requests.next()?;
            self.part += 1;
            if !self.parts.taken(self.part) {
                return Some(request);
            }
        }
    }

    /// What became of it.
    fn answered(&mut self, answer: Answer) {
        match answer {
            Ok(receipt) => {
                self.parts.take(self.part);
                self.receipt.get_or_insert(receipt);
            }
            Err(Problem::Reject(why)) => {
                let why = self.parts.named(self.part, why);
                self.refused.get_or_insert(why);
            }
            Err(Problem::Retry(why)) => self.ended = Some(Problem::Retry(self.parts.named(self.part, why))),
            Err(Problem::RetryAfter((wait, why))) => {
                self.ended = Some(Problem::RetryAfter((wait, self.parts.named(self.part, why))));
            }
            Err(Problem::Disable(why)) => self.ended = Some(Problem::Disable(why)),
        }
    }

    fn answer(self) -> Answer {
        match (self.ended, self.refused) {
            (Some(problem), _) => Err(problem),
            (None, Some(why)) => Err(Problem::Reject(why)),
            (None, None) => {
                self.parts.forget();
                Ok(self.receipt.unwrap_or_default())
            }
        }
    }
}

/// Which parts of a delivery were taken, so that an attempt after one that failed halfway repeats none of them.
struct Parts {
    count: usize,
    /// Where it is remembered, if there are several.
    key: Option<String>,
}

impl Parts {
    fn of(delivery: &str, count: usize) -> Self {
        Self {
            count,
            key: (count > 1).then(|| format!("parts/{delivery}")),
        }
    }

    /// What is said about a part.
    fn named(&self, part: usize, why: String) -> String {
        match self.key {
            Some(_) => format!("part {part} of {}: {why}", self.count),
            None => why,
        }
    }

    fn taken(&self, part: usize) -> bool {
        let known = self.key.as_deref().and_then(memory::get).unwrap_or_default();
        known.iter().any(|&taken| usize::from(taken) == part)
    }

    fn take(&self, part: usize) {
        // There are fewer than a byte can count: see `MOST_REQUESTS`.
        if let (Some(key), Ok(part)) = (&self.key, u8::try_from(part)) {
            let known = memory::get(key);
            let more = [known.as_deref().unwrap_or_default(), &[part]].concat();
            memory::swap(key, known.as_deref(), Some(&more), REMEMBERED);
        }
    }

    fn forget(&self) {
        if let Some(key) = &self.key {
            memory::swap(key, memory::get(key).as_deref(), None, REMEMBERED);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Said;
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
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
        fn send(&self, requests: &[Request<String>], _: Duration, _: Duration) -> Vec<Result<Reply, Problem>> {
            let reply = |request: &Request<String>| {
                self.sent
                    .borrow_mut()
                    .push((request.body().clone(), self.clock.get().as_secs()));
                let (status, retry_after) = self.answers.borrow_mut().pop_front().unwrap_or((200, None));
                Ok(Reply {
                    status,
                    retry_after: retry_after.map(str::to_owned),
                    body: String::new(),
                })
            };
            requests.iter().map(reply).collect()
        }
        fn sleep(&self, time: Duration) {
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
        run(deliveries.iter().map(job).collect(), terms, script)
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
