#include <algorithm>
#include <cmath>
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

/// The most useful words of a text as 0/1 columns <name>:<word>.
///
/// Words:   runs of letters and digits in lower case, in at least max(min_rows, min_share of the) fitted rows
/// and not in all. Score:   frequency: rows with the word x rows without, so that both kinds are many;
/// target: by how much the mean of the
///          target (each class) differs between rows with and without the word, weighted by their numbers.
/// Types:   text gives float32.
/// Missing: 0 in every column, as for a text without the words.
class TextTokens final : public Transformer {
 public:
  explicit TextTokens(TextTokensParams params) : params_(std::move(params)) {}
  bool uses_target() const override { return params_.score == "target"; }

 private:
  struct Word {
    std::int64_t n_rows = 0;
    std::size_t last = 0;  // 1 + the last fitted row (by position) that had it: a word counts once per row
    std::vector<double> sums;  // of the target, by class; score target only
  };

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
  std::vector<std::string> fit_column(const Column& column, std::span<const std::uint32_t> rows,
                                      const TargetView& y) const;

  TextTokensParams params_;
  std::vector<std::vector<std::string>> words_;  // by column, best first
};

std::vector<std::string> TextTokens::fit_column(const Column& column, std::span<const std::uint32_t> rows,
                                                const TargetView& y) const {
  const bool by_target = uses_target();
  const std::size_t n_sums = !by_target ? 0 : y.task == Task::kMulticlass ? y.n_classes : 1;
  ByText<Word> words;
  std::vector<double> totals(n_sums);
  std::string lower;
  double centre = 0;
  if (by_target && y.task == Task::kRegression && !rows.empty()) centre = y.values[rows[0]];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t k =
        y.task == Task::kMulticlass && by_target ? static_cast<std::size_t>(y.values[rows[i]]) : 0;
    const double value = !by_target || y.task == Task::kMulticlass ? 1 : y.values[rows[i]] - centre;
    if (by_target) totals[k] += value;
    lower.clear();
    append_lower_utf8(column.text(rows[i]), lower);
    for_each_word(lower, [&](std::string_view text) {
      auto found = words.find(text);
      if (found == words.end())
        found = words.emplace(std::string(text), Word{0, 0, std::vector<double>(n_sums)}).first;
      Word& word = found->second;
      if (word.last == i + 1) return;
      word.last = i + 1;
      ++word.n_rows;
      if (by_target) word.sums[k] += value;
    });
  }
  const auto n = static_cast<double>(rows.size());
  const double fewest = std::max(static_cast<double>(params_.min_rows), params_.min_share * n);
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& [text, word] : words) {
    const auto with = static_cast<double>(word.n_rows), without = n - with;
    if (with < fewest || without == 0) continue;
    double score = with * without;
    if (by_target) {
      score = 0;
      for (std::size_t k = 0; k < n_sums; ++k) {
        const double gap = word.sums[k] / with - (totals[k] - word.sums[k]) / without;
        score += with * without / n * gap * gap;
      }
    }
    ranked.emplace_back(-score, text);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < ranked.size() && i < static_cast<std::size_t>(params_.max_tokens); ++i)
    out.push_back(std::move(ranked[i].second));
  return out;
}

void TextTokens::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                        const Context& context) {
  require_types(x, "text_tokens", "text");
  words_.assign(x.n_columns(), {});
  context.parallel_blocks(x.n_columns(), 1,
                          [&](std::size_t c, std::size_t) { words_[c] = fit_column(x.column(c), rows, y); });
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
