#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/text_number_internal.hpp"
#include "kolosal/transform/text_words_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextNumbersParams {
  std::int64_t n_numbers = 2;
  bool ratio = true;
  bool count = true;
  bool keep = false;
};

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Whether what stands between two numbers makes them "3 of 5".
bool is_of(std::string_view between) {
  if (without_blanks(between).size() > std::string_view("out of").size()) return false;
  std::string lower;
  append_lower_utf8(without_blanks(between), lower);
  return lower == "of" || lower == "out of" || lower == "/";
}

struct Found {
  double ratio = kNaN;
  double count = 0;
};

/// The first numbers go to `numbers`; NaN where there are fewer.
Found read_numbers(std::string_view text, std::span<double> numbers) {
  Found out;
  std::ranges::fill(numbers, kNaN);
  std::size_t n = 0;
  std::optional<FoundNumber> before;
  for (auto number = find_number(text, 0); number; number = find_number(text, number->end)) {
    ++out.count;
    if (n < numbers.size()) numbers[n++] = number->value;
    const std::string_view rest = text.substr(number->end);
    // "3/5/2020" is a date and no ratio.
    const bool dated =
        rest.starts_with('/') || (before && before->begin > 0 && text[before->begin - 1] == '/');
    if (std::isnan(out.ratio) && before && !dated && number->value != 0 &&
        is_of(text.substr(before->end, number->begin - before->end)))
      out.ratio = before->value / number->value;
    if (std::isnan(out.ratio) && without_blanks(rest.substr(0, 2)).starts_with('%'))
      out.ratio = number->value / 100;
    before = number;
  }
  return out;
}

/// Numbers hidden in a text: "1,200 EUR", "3 of 5", "12.5 kg, 40 %".
///
///   <name>_number_1, ...  the first n_numbers numbers (1200; 3 and 5; 12.5 and 40)
///   <name>_ratio          the first "a of b", "a out of b" or "a/b" as a quotient (0.6), or "p %" as p / 100
///   (0.4) <name>_n_numbers      how many numbers there are
///
/// Numbers: with thousands separators ("1,200", "1.200,50"), a sign where no word is before it, an
///          exponent.
/// Types:   text or category; numbers are float64, the count float32. With `keep` the column stays.
/// Missing: NaN in all of them; numbers that a text does not have are NaN too.
/// State:   none.
class TextNumbers final : public Transformer {
 public:
  explicit TextNumbers(TextNumbersParams params) : params_(params) {}
  bool is_stateless() const override { return true; }
  std::string made_types() const override { return params_.keep ? "all" : "float,float32"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  class Row;
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "text_numbers", "text,category");
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}

  TextNumbersParams params_;
};

class TextNumbers::Row final : public RowStep {
 public:
  Row(const data::Frame& inputs, const TextNumbersParams& params) : params_(params) {
    for (std::size_t c = 0; c < inputs.n_columns(); ++c)
      levels_.push_back(inputs.column(c).type() == data::ColumnType::kCategory ? inputs.column(c).dictionary()
                                                                               : nullptr);
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    RowCell* next = out.data();
    const auto numbers = arena.take<double>(static_cast<std::size_t>(params_.n_numbers));
    for (std::size_t c = 0; c < in.size(); ++c) {
      Found found{kNaN, kNaN};
      std::ranges::fill(numbers, kNaN);
      if (levels_[c] && in[c].number >= 0)
        found = read_numbers(levels_[c]->level(static_cast<std::int32_t>(in[c].number)), numbers);
      else if (!levels_[c] && !in[c].is_missing)
        found = read_numbers(in[c].text(), numbers);
      if (params_.keep) *next++ = in[c];
      for (const double number : numbers) (next++)->number = number;
      if (params_.ratio) (next++)->number = found.ratio;
      if (params_.count) (next++)->number = static_cast<double>(static_cast<float>(found.count));  // float32
    }
  }

 private:
  const TextNumbersParams& params_;
  std::vector<std::shared_ptr<const data::Dictionary>> levels_;  // by column; null: a text
};

std::unique_ptr<RowStep> TextNumbers::row_step(const data::Frame& inputs) const {
  return std::make_unique<Row>(inputs, params_);
}

std::vector<Transformer::Named> TextNumbers::do_transform(const data::Frame& x,
                                                          const Context& context) const {
  const auto most = static_cast<std::size_t>(params_.n_numbers);
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    const std::size_t n = column.size();
    std::vector<std::vector<double>> numbers(most, std::vector<double>(n, kNaN));
    std::vector<double> ratio(params_.ratio ? n : 0, kNaN);
    std::vector<float> count(params_.count ? n : 0, static_cast<float>(kNaN));
    context.parallel_blocks(n, kRowGrain, [&](std::size_t begin, std::size_t end) {
      std::vector<double> first(most);
      for (std::size_t row = begin; row < end; ++row) {
        if (column.is_missing(row)) continue;
        const Found found = read_numbers(column.type() == data::ColumnType::kText
                                             ? column.text(row)
                                             : column.dictionary()->level(column.codes()[row]),
                                         first);
        for (std::size_t i = 0; i < most; ++i) numbers[i][row] = first[i];
        if (params_.ratio) ratio[row] = found.ratio;
        if (params_.count) count[row] = static_cast<float>(found.count);
      }
    });
    if (params_.keep) out.push_back({x.name(c), column});
    for (std::size_t i = 0; i < most; ++i)
      out.push_back(
          {fmt::format("{}_number_{}", x.name(c), i + 1), Column::from_float64(std::move(numbers[i]))});
    if (params_.ratio) out.push_back({x.name(c) + "_ratio", Column::from_float64(std::move(ratio))});
    if (params_.count) out.push_back({x.name(c) + "_n_numbers", Column::from_float32(std::move(count))});
  }
  return out;
}

}  // namespace

TransformerInfo text_numbers_info() {
  return describe<TextNumbers>(
      "text_numbers", "Read the numbers hidden in a text: \"1,200 EUR\", \"3 of 5\", \"40 %\".", "text",
      ParamTable<TextNumbersParams>()
          .param("n_numbers", &TextNumbersParams::n_numbers, "Numbers to read from a text, the first ones.")
          .limits(1, 100)
          .param("ratio", &TextNumbersParams::ratio, "Make <name>_ratio of \"3 of 5\", \"3/5\" or \"60 %\".")
          .param("count", &TextNumbersParams::count, "Make <name>_n_numbers, how many there are.")
          .param("keep", &TextNumbersParams::keep, "The text stays beside its numbers."));
}

}  // namespace kolosal::transform
