#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/text_words_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::TargetView;
using data::Task;

struct TextTokensParams {
  std::int64_t max_tokens = 50;
  std::int64_t min_rows = 5;
  double min_share = 0.01;
  std::string score = "frequency";
};

struct TextHashEqual {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename T>
using ByText = std::unordered_map<std::string, T, TextHashEqual, std::equal_to<>>;

struct Word {
  std::int64_t n_rows = 0;
  std::int64_t last = 0;     // the last row (counted from 1) that had it: a word counts once per row
  std::vector<double> sums;  // of the target, by class; score target only
};

/// The words of the fitted rows of one column, and the target in the rows that have each.
class WordCounts {
 public:
  /// y: null, or the target; its classes are the same in every call.
  void add(const Column& column, std::span<const std::uint32_t> rows, const TargetView* y);
  void merge(const WordCounts& other);
  /// With more bytes of words than that, forgets those on the fewest rows, half of them at least.
  void keep_within(std::size_t n_bytes);
  /// Best first.
  std::vector<std::string> choose(const TextTokensParams& params) const;

 private:
  void start(std::size_t n_sums, double centre) {
    if (!totals_.empty() || n_sums == 0) return;
    totals_.resize(n_sums);
    centre_ = centre;
  }

  ByText<Word> words_;
  std::int64_t n_rows_ = 0;
  std::vector<double> totals_;  // of the target, by class; empty without one
  double centre_ = 0;           // regression: subtracted from the target, so that sums keep their digits
};

/// The most useful words of a text as 0/1 columns <name>:<word>.
///
/// Words:   runs of letters and digits in lower case, in at least max(min_rows, min_share of the) fitted rows
///          and not in all.
/// Score:   frequency: rows with the word x rows without, so that both kinds are many; target: by how much
///          the mean of the target (each class) differs between rows with and without the word, weighted by
///          their numbers.
/// Types:   text gives float32.
/// Missing: 0 in every column, as for a text without the words.
/// Streams: exactly (target: to rounding), in memory by the different words. When these exceed a quarter of
/// the
///          memory limit, words on the fewest rows are forgotten and counted anew when they come again: a
///          word that is frequent from the start on is never one of them.
class TextTokens final : public Transformer {
 public:
  explicit TextTokens(TextTokensParams params) : params_(std::move(params)) {}
  bool uses_target() const override { return params_.score == "target"; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "float32"; }
  std::unique_ptr<RowStep> row_step(const data::Frame&) const override;

 private:
  class Row;
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < words_.size(); ++c) node.set(fmt::format("words_{}", c), words_[c]);
  }
  void do_load(const artifact::Node& node) override {
    words_.clear();
    for (std::size_t c = 0; c < input_columns().size(); ++c)
      words_.push_back(node.get_strings(fmt::format("words_{}", c)));
  }
  void do_begin_stream() override { gathered_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;
  void add(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
           const Context& context);

  TextTokensParams params_;
  std::vector<std::vector<std::string>> words_;  // by column, best first
  std::vector<WordCounts> gathered_;             // by column, within a fit
};

void WordCounts::add(const Column& column, std::span<const std::uint32_t> rows, const TargetView* y) {
  const bool by_class = y && y->task == Task::kMulticlass;
  if (y && !rows.empty())
    start(by_class ? y->n_classes : 1, y->task == Task::kRegression ? y->values[rows[0]] : 0);
  std::string lower;
  for (const std::uint32_t row : rows) {
    ++n_rows_;
    const std::size_t k = by_class ? static_cast<std::size_t>(y->values[row]) : 0;
    const double value = !y || by_class ? 1 : y->values[row] - centre_;
    if (y) totals_[k] += value;
    lower.clear();
    append_lower_utf8(column.text(row), lower);
    for_each_word(lower, [&](std::string_view text) {
      auto found = words_.find(text);
      if (found == words_.end())
        found = words_.emplace(std::string(text), Word{0, 0, std::vector<double>(totals_.size())}).first;
      Word& word = found->second;
      if (word.last == n_rows_) return;
      word.last = n_rows_;
      ++word.n_rows;
      if (y) word.sums[k] += value;
    });
  }
}

void WordCounts::merge(const WordCounts& other) {
  start(other.totals_.size(), other.centre_);
  n_rows_ += other.n_rows_;
  // The sums of the other's are of the target minus another centre.
  const double moved = other.centre_ - centre_;
  for (std::size_t k = 0; k < other.totals_.size(); ++k)
    totals_[k] += other.totals_[k] + static_cast<double>(other.n_rows_) * moved;
  for (const auto& [text, theirs] : other.words_) {
    Word& word = words_.try_emplace(text, Word{0, 0, std::vector<double>(totals_.size())}).first->second;
    word.n_rows += theirs.n_rows;
    for (std::size_t k = 0; k < theirs.sums.size(); ++k)
      word.sums[k] += theirs.sums[k] + static_cast<double>(theirs.n_rows) * moved;
  }
}

void WordCounts::keep_within(std::size_t n_bytes) {
  // A node of the map with its texts beyond a short one, measured with glibc.
  const std::size_t word_bytes = 160 + 8 * totals_.size();
  if (words_.size() * word_bytes <= n_bytes || words_.empty()) return;
  std::vector<std::int64_t> n_rows;
  for (const auto& [text, word] : words_) n_rows.push_back(word.n_rows);
  const auto middle = n_rows.begin() + static_cast<std::ptrdiff_t>(n_rows.size() / 2);
  std::ranges::nth_element(n_rows, middle);
  std::erase_if(words_, [&](const auto& entry) { return entry.second.n_rows <= *middle; });
}

std::vector<std::string> WordCounts::choose(const TextTokensParams& params) const {
  const auto n = static_cast<double>(n_rows_);
  const double fewest = std::max(static_cast<double>(params.min_rows), params.min_share * n);
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& [text, word] : words_) {
    const auto with = static_cast<double>(word.n_rows), without = n - with;
    if (with < fewest || without == 0) continue;
    double score = totals_.empty() ? with * without : 0;
    for (std::size_t k = 0; k < totals_.size(); ++k) {
      const double gap = word.sums[k] / with - (totals_[k] - word.sums[k]) / without;
      score += with * without / n * gap * gap;
    }
    ranked.emplace_back(-score, text);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < ranked.size() && i < static_cast<std::size_t>(params.max_tokens); ++i)
    out.push_back(std::move(ranked[i].second));
  return out;
}

void TextTokens::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                        const Context& context) {
  do_begin_stream();
  add(x, rows, y, context);
  do_finish_fit(context);
}

void TextTokens::do_partial_fit(const data::Frame& x, const TargetView& y, const Context& context) {
  std::vector<std::uint32_t> all(x.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  add(x, all, y, context);
  const std::size_t n_bytes = context.memory_limit_bytes / 4 / std::max<std::size_t>(1, gathered_.size());
  for (WordCounts& words : gathered_) words.keep_within(n_bytes);
}

void TextTokens::add(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                     const Context& context) {
  require_types(x, "text_tokens", "text");
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    gathered_[c].add(x.column(c), rows, uses_target() ? &y : nullptr);
  });
}

void TextTokens::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const TextTokens&>(other).gathered_;
  for (std::size_t c = 0; c < gathered_.size(); ++c) gathered_[c].merge(theirs[c]);
}

void TextTokens::do_finish_fit(const Context& context) {
  words_.assign(gathered_.size(), {});
  context.parallel_blocks(gathered_.size(), 1,
                          [&](std::size_t c, std::size_t) { words_[c] = gathered_[c].choose(params_); });
  gathered_.clear();
}

class TextTokens::Row final : public RowStep {
 public:
  explicit Row(const std::vector<std::vector<std::string>>& words) {
    for (const std::vector<std::string>& column : words) {
      auto& position = positions_.emplace_back();
      for (std::size_t i = 0; i < column.size(); ++i) position.emplace(column[i], i);
    }
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    thread_local std::string lower;  // keeps its memory from row to row
    for (RowCell& cell : out) cell.number = 0;
    RowCell* first = out.data();
    for (std::size_t c = 0; c < in.size(); first += positions_[c++].size()) {
      if (in[c].is_missing) continue;
      lower.clear();
      append_lower_utf8(in[c].text(), lower);
      for_each_word(lower, [&](std::string_view word) {
        const auto found = positions_[c].find(word);
        if (found != positions_[c].end()) first[found->second].number = 1;
      });
    }
  }

 private:
  std::vector<ByText<std::size_t>> positions_;  // by column
};

std::unique_ptr<RowStep> TextTokens::row_step(const data::Frame&) const {
  return std::make_unique<Row>(words_);
}

std::vector<Transformer::Named> TextTokens::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    ByText<std::size_t> position;
    for (std::size_t i = 0; i < words_[c].size(); ++i) position.emplace(words_[c][i], i);
    std::vector<std::vector<float>> cells(words_[c].size(), std::vector<float>(column.size()));
    context.parallel_blocks(column.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
      std::string lower;
      for (std::size_t row = begin; row < end; ++row) {
        lower.clear();
        append_lower_utf8(column.text(row), lower);
        for_each_word(lower, [&](std::string_view word) {
          const auto found = position.find(word);
          if (found != position.end()) cells[found->second][row] = 1.0F;
        });
      }
    });
    for (std::size_t i = 0; i < cells.size(); ++i)
      out.push_back(
          {fmt::format("{}:{}", x.name(c), words_[c][i]), Column::from_float32(std::move(cells[i]))});
  }
  return out;
}

}  // namespace

TransformerInfo text_tokens_info() {
  return describe<TextTokens>(
      "text_tokens", "The most useful words of a text as 0/1 columns.", "text",
      ParamTable<TextTokensParams>()
          .param("max_tokens", &TextTokensParams::max_tokens, "Most words per text column.")
          .limits(1, 10'000)
          .param("min_rows", &TextTokensParams::min_rows, "Fewest training rows that have a word.")
          .limits(1, 1e9)
          .param("min_share", &TextTokensParams::min_share,
                 "Smallest share of the training rows that have a word.")
          .limits(0, 1)
          .param("score", &TextTokensParams::score,
                 "Which words are best: by their frequency, or by the target.",
                 choice({"frequency", "target"})));
}

}  // namespace kolosal::transform
