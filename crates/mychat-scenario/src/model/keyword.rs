//! Enums whose values are words of the scenario language.

/// An enum with one word of the scenario language per value.
pub trait Keyword: Copy + 'static {
    /// All words, in the order of [`Keyword::VALUES`].
    const WORDS: &'static [&'static str];
    /// All values, in the order of [`Keyword::WORDS`].
    const VALUES: &'static [Self];

    /// The value that `word` stands for.
    fn from_word(word: &str) -> Option<Self> {
        let index = Self::WORDS.iter().position(|known| *known == word)?;
        Self::VALUES.get(index).copied()
    }
}

/// Defines an enum together with the word of each value, so that a word is written once.
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $crate::model::Keyword for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const VALUES: &'static [Self] = &[$(Self::$variant),+];
        }
    };
}
pub(crate) use keywords;
