#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace kolosal::transform {

/// Whether a character (Unicode code point) belongs to a word: letters, marks and digits of all scripts, "_".
bool is_word_character(std::uint32_t c);

enum class NgramKind {
  kWord,   ///< runs of words, joined by one blank
  kChar,   ///< runs of characters of the text, blanks between words included
  kInWord  ///< runs of characters within one word, which has a blank at either end
};

struct NgramOptions {
  NgramKind kind = NgramKind::kWord;
  std::size_t shortest = 1;  ///< Words or characters of an n-gram.
  std::size_t longest = 1;
  bool lower_case = true;
  bool strip_accents = false;           ///< Latin letters lose their accents; combining marks are dropped.
  std::size_t min_word_length = 2;      ///< Characters; shorter words are passed over. kWord only.
  std::vector<std::string> stop_words;  ///< Passed over, as they are after lower case. kWord only.
};

/// Cuts texts into n-grams, as scikit-learn's text vectorizers do. Holds buffers: one object per thread.
///
/// Text: UTF-8. Bytes that are none are characters that belong to no word (kWord), or to any (others).
class NgramReader {
 public:
  /// `options` outlives the reader.
  explicit NgramReader(const NgramOptions& options);

  /// Calls body(std::string_view) for each n-gram; the view is valid within the call.
  template <typename Body>
  void for_each(std::string_view text, Body&& body) {
    prepare(text);
    if (options_.kind == NgramKind::kWord)
      words(body);
    else if (options_.kind == NgramKind::kChar)
      characters(0, begins_.size() - 1, body);
    else
      characters_in_words(body);
  }

 private:
  // kWord: text_ holds the words with a blank behind each, begins_ and ends_ where they are.
  // Else:  text_ holds the text, begins_ where its characters begin, and its end.
  void prepare(std::string_view text);
  void prepare_words(std::string_view text);
  void prepare_characters(std::string_view text);
  std::string_view folded(std::string_view text);  // lower case, without accents
  std::size_t end_word(std::size_t begin, std::size_t end, std::size_t n_characters);

  template <typename Body>
  void words(Body&& body) {
    const std::string_view text = text_;
    for (std::size_t i = 0; i < begins_.size(); ++i) {
      const std::size_t last = std::min(begins_.size() - i, options_.longest);
      for (std::size_t n = options_.shortest; n <= last; ++n)
        body(text.substr(begins_[i], ends_[i + n - 1] - begins_[i]));
    }
  }
  template <typename Body>
  void characters(std::size_t first, std::size_t end, Body&& body) {
    const std::string_view text = text_;
    for (std::size_t n = options_.shortest; n <= std::min(options_.longest, end - first); ++n)
      for (std::size_t i = first; i + n <= end; ++i)
        body(text.substr(begins_[i], begins_[i + n] - begins_[i]));
  }
  // A word shorter than an n-gram (with its blanks) is one n-gram itself, once.
  template <typename Body>
  void characters_in_words(Body&& body) {
    const std::string_view text = text_;
    for (std::size_t w = 0; w + 1 < words_.size(); ++w) {
      const std::size_t first = words_[w], end = words_[w + 1] + 1;  // the blank between two words is both's
      characters(first, end, body);
      const std::size_t n_characters = end - first;
      if (n_characters < options_.shortest) body(text.substr(begins_[first], begins_[end] - begins_[first]));
    }
  }

  const NgramOptions& options_;
  std::unordered_set<std::string_view> stop_words_;
  std::string folded_, stripped_, text_;
  std::vector<std::uint32_t> begins_, ends_;
  std::vector<std::uint32_t> words_;  // kInWord: the character (a blank) before each word, and the last blank
};

}  // namespace kolosal::transform
