//! A list read page by page, for whoever folds pages by itself: while one is folded the next is on
//! its way.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Ask, Client, FetchError, Next, Place, Trail, back_off};
use crate::clock::Clock;
use crate::transport::Response;

/// Why a page cannot be read: which part of it, and never what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl Unreadable {
    /// The category and place of a parser's complaint.
    pub fn of(error: &serde_json::Error) -> Self {
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        Self(format!("{kind:?} error in line {line} column {column}"))
    }
}

/// What one reading may still ask for.
#[derive(Debug)]
pub struct Allowance {
    clock: Clock,
    pages: u32,
    until: Duration,
}

impl Allowance {
    /// Whether no further list should be begun.
    pub fn is_spent(&self) -> bool {
        self.pages == 0 || self.clock.uptime() >= self.until
    }

    /// Counts pages that were had.
    pub fn spend(&mut self, pages: u32) {
        self.pages = self.pages.saturating_sub(pages);
    }
}

/// A list under way. Dropping it stops asking.
pub struct Pages {
    client: Client,
    ask: Ask,
    deadline: Duration,
    /// Where it goes on, until its end.
    place: Option<Place>,
    asked: HashSet<Place, foldhash::fast::RandomState>,
    /// The page at `place`, already asked for.
    ahead: JoinSet<Result<Response, FetchError>>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&self.ask).finish()
    }
}

impl Client {
    /// What one reading may ask for: so many pages, begun within a time.
    pub fn allowance(&self, pages: u32, time: Duration) -> Allowance {
        let clock = self.0.clock.clone();
        let until = clock.uptime().saturating_add(time);
        Allowance { clock, pages, until }
    }

    /// A list that is read page by page.
    pub fn pages(&self, ask: Ask) -> Result<Pages, FetchError> {
        let place = Some(self.place(&ask)?);
        let (asked, ahead) = (HashSet::default(), JoinSet::new());
        Ok(Pages { client: self.clone(), deadline: self.deadline(), ask, place, asked, ahead })
    }
}

impl Pages {
    /// How often a page that cannot be read is asked for.
    const TRIES: u32 = 3;

    /// Hands the next page to `fold`, which says what it found and where the list goes on; `None`
    /// after the last. A page that cannot be read is asked for again, so `fold` has to read a page
    /// whole or not at all.
    pub async fn next<T>(
        &mut self,
        mut fold: impl FnMut(&[u8]) -> Result<(T, Option<String>), Unreadable>,
    ) -> Result<Option<T>, FetchError> {
        if self.asked.len() >= self.client.0.settings.limits.pages as usize {
            return Err(FetchError::Limit { bound: "pages" });
        }
        let Some(place) = self.place.take() else { return Ok(None) };
        let mut tries = 1;
        loop {
            let response = match self.ahead.join_next().await {
                Some(Ok(page)) => page?,
                Some(Err(_)) => return Err(FetchError::Internal),
                None => self.client.page(&self.ask, &place, self.deadline).await?,
            };
            let guess =
                head_link(&response.body).and_then(|link| self.after(&place, link, &response).ok());
            if let Some(guess) = &guess {
                self.ask_ahead(guess.clone()).await;
            }
            let (found, link) = match fold(&response.body) {
                Ok(found) => found,
                Err(Unreadable(what)) => {
                    self.ahead = JoinSet::new();
                    if tries >= Self::TRIES {
                        return Err(FetchError::Malformed { what, trail: Trail::of(&response) });
                    }
                    self.client.0.clock.sleep(back_off(tries)).await;
                    tries += 1;
                    continue;
                }
            };
            let link = link.filter(|link| !link.trim().is_empty());
            let next = link.map(|link| self.after(&place, link, &response)).transpose()?;
            if next != guess {
                self.ahead = JoinSet::new();
            }
            self.asked.insert(place);
            if next.as_ref().is_some_and(|next| self.asked.contains(next)) {
                return Err(FetchError::Limit { bound: "pages: a nextLink leads back" });
            }
            self.place = next;
            return Ok(Some(found));
        }
    }

    fn after(&self, place: &Place, link: String, response: &Response) -> Result<Place, FetchError> {
        self.client.next(&self.ask, place, Next { link, continuation: None }, response)
    }

    /// Sends for a page and lets the runtime do it, before this thread turns to the page it has.
    async fn ask_ahead(&mut self, place: Place) {
        let (client, ask, deadline) = (self.client.clone(), self.ask.clone(), self.deadline);
        self.ahead.spawn(async move { client.page(&ask, &place, deadline).await });
        // One turn for the task, one for the connection it hands its request to, one to write.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }
}

/// The nextLink, where it stands before the rows, as Graph puts it. Only a guess: whoever reads the
/// page knows.
fn head_link(body: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\"@odata.nextLink\"";
    let find = |text: &[u8], word: &[u8]| text.windows(word.len()).position(|it| it == word);
    let head = &body[..body.len().min(8 << 10)];
    let head = &head[..find(head, b"\"value\"")?];
    let rest = head[find(head, NAME)? + NAME.len()..].trim_ascii_start().strip_prefix(b":")?;
    serde_json::Deserializer::from_slice(rest).into_iter::<String>().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_found_at_the_head_and_nowhere_else() {
        let of = |body: &str| head_link(body.as_bytes());
        let link = Some("https://h/a?b=\"c".to_owned());
        assert_eq!(
            of(r#"{"@odata.context":"x","@odata.nextLink" : "https:\/\/h/a?b=\"c","value":[]}"#),
            link
        );
        for body in [
            r#"{"value":[{"@odata.nextLink":"planted"}]}"#,
            r#"{"value":[],"@odata.nextLink":"u"}"#,
            r#"{"@odata.nextLink":null,"value":[]}"#,
            r#"{"@odata.nextLink":"u"#,
            "",
        ] {
            assert_eq!(of(body), None, "{body}");
        }
    }
}
