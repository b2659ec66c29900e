//! Lists in pages, by cursor.

use tenfold_kernel::Timestamp;

use crate::IdentityError;

/// In which order a list runs, by time of creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// What a client asks of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// How many at most: 1 to 100, 20 when absent.
    pub limit: Option<i64>,
    /// The id of the last element of the page before.
    pub after: Option<String>,
    /// In which order.
    pub order: Order,
}

/// A place in a list: between two elements, so what comes after is well defined though elements share a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the element was made.
    pub at: Timestamp,
    /// The element's id.
    pub id: String,
}

/// What an adapter is asked for: up to `limit` elements behind `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Behind which element, or from the beginning.
    pub after: Option<Cursor>,
    /// How many at most.
    pub limit: u32,
    /// In which order.
    pub order: Order,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T> {
    /// The elements in order.
    pub data: Vec<T>,
    /// Whether there are elements behind them.
    pub has_more: bool,
}

impl<T> List<T> {
    /// Cuts what an adapter gave for [`Page::one_more`] to what was asked for.
    pub(crate) fn cut(mut data: Vec<T>, page: &Page) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let has_more = data.len() > limit;
        data.truncate(limit);
        Self { data, has_more }
    }
}

impl Page {
    /// The page that a client asked for, with the cursor that its `after` stands for.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] if the limit is out of range.
    pub(crate) fn new(request: &ListRequest, after: Option<Cursor>) -> Result<Self, IdentityError> {
        let limit = request.limit.unwrap_or(20);
        let limit = u32::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
        let limit = limit.ok_or_else(|| IdentityError::Invalid {
            param: "limit",
            reason: "a page has 1 to 100 elements".to_owned(),
        })?;
        Ok(Self { after, limit, order: request.order })
    }

    /// The same page and one element more, which tells whether there are more.
    pub(crate) fn one_more(&self) -> Self {
        Self { limit: self.limit + 1, ..self.clone() }
    }
}

/// The error of a cursor that stands for nothing.
pub(crate) fn unknown_cursor(id: &str) -> IdentityError {
    let id: String = id.chars().take(64).collect();
    IdentityError::Invalid { param: "after", reason: format!("the list has no element with id '{id}'") }
}
