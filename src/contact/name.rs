//! A human being's name.

/// A name as one book holds it. All parts absent: the book holds none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Name {
    /// As shown: a vCard's `FN`, Pipedrive's `name`.
    pub display: Option<String>,
    /// The given name. Pipedrive's own split is not taken for it.
    pub given: Option<String>,
    /// The family name.
    pub family: Option<String>,
}

impl Name {
    /// A display name alone.
    pub fn display(text: &str) -> Self {
        Self { display: folded_opt(Some(text)), ..Self::default() }
    }

    /// Whether no part holds anything.
    pub fn is_empty(&self) -> bool {
        self.display.is_none() && self.given.is_none() && self.family.is_none()
    }

    /// The display name, else given and family; `None` without any.
    pub fn shown(&self) -> Option<String> {
        self.display.clone().or_else(|| {
            let parts: Vec<&str> = [self.given.as_deref(), self.family.as_deref()].into_iter().flatten().collect();
            folded_opt(Some(&parts.join(" ")))
        })
    }

    /// Whether both show the same, and the same parts where both know parts. White space does not count, nor does a
    /// display name rewritten from the same words (`Weber, Anna`).
    pub fn same(&self, other: &Self) -> bool {
        let parts = |name: &Self| (folded_opt(name.given.as_deref()), folded_opt(name.family.as_deref()));
        let has_parts = |name: &Self| name.given.is_some() || name.family.is_some();
        let same_parts = !has_parts(self) || !has_parts(other) || parts(self) == parts(other);
        let words = |name: &Self| {
            let shown = name.shown().unwrap_or_default();
            let mut words: Vec<String> =
                shown.split(|c: char| c.is_whitespace() || c == ',').map(str::to_owned).collect();
            words.retain(|w| !w.is_empty());
            words.sort_unstable();
            words
        };
        same_parts && words(self) == words(other)
    }

    /// Whether both have a word in common, without regard to case. Names that do not are hardly the same human being.
    pub fn shares_word(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.words(), other.words());
        mine.iter().any(|w| theirs.contains(w))
    }

    /// Whether both show the same words, without regard to case and order. Two names without any word do not.
    pub fn equal_words(&self, other: &Self) -> bool {
        let mine = self.words();
        !mine.is_empty() && mine == other.words()
    }

    /// The words of the name in one text: equal for names with [`Name::equal_words`]. `None` without any word.
    pub fn word_key(&self) -> Option<String> {
        let words = self.words();
        (!words.is_empty()).then(|| words.join(" "))
    }

    fn words(&self) -> Vec<String> {
        let text = self.shown().unwrap_or_default().to_lowercase();
        let mut words: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// Text with runs of white space made one space, line ends kept; `None` where nothing is left.
pub(super) fn folded_opt(text: Option<&str>) -> Option<String> {
    let lines: Vec<String> = text?.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(display: &str, given: &str, family: &str) -> Name {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Name { display: part(display), given: part(given), family: part(family) }
    }

    #[test]
    fn a_rewritten_display_name_is_no_change() {
        assert!(name("Anna Weber", "", "").same(&name("Weber,  Anna", "", "")));
        assert!(name("", "Anna", "Weber").same(&name("Anna Weber", "", "")));
        assert!(!name("Anna Weber", "", "").same(&name("Anna Weber-Lang", "", "")));
        assert!(!name("Anna Weber", "Anna", "Weber").same(&name("Anna Weber", "Anna W", "Eber")));
    }

    #[test]
    fn words_are_compared_without_case() {
        assert!(name("Dr. ANNA Weber", "", "").shares_word(&name("weber", "", "")));
        assert!(!name("Anna", "", "").shares_word(&name("Bob", "", "")));
        assert!(!Name::default().equal_words(&Name::default()));
    }
}
