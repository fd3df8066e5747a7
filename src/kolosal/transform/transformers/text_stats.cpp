#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/text_number_internal.hpp"
#include "kolosal/transform/text_words_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextStatsParams {
  bool number = true;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Stats {
  double length = 0, words = 0, digits = 0, upper = 0, number = kNaN;
};

Stats stats_of(std::string_view text, bool number) {
  Stats out;
  double n_digits = 0, n_upper = 0, n_letters = 0;
  for (const char c : text) {
    out.length += (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // characters, not bytes
    n_digits += is_digit(c);
    n_letters += is_letter(c);
    n_upper += c >= 'A' && c <= 'Z';
  }
  for_each_word(text, [&](std::string_view) { ++out.words; });
  out.digits = out.length > 0 ? n_digits / out.length : 0;
  out.upper = n_letters > 0 ? n_upper / n_letters : 0;
  if (number) {
    if (const auto found = find_number(text, 0)) out.number = found->value;
  }
  return out;
}

/// Plain figures of a text: <name>_length (characters), _words, _digit_share (of the characters),
/// _upper_share (of the ASCII letters), _number (the first number in it: "1,200 EUR" is 1200; as float64).
///
/// Missing: NaN in all of them; _number is NaN for a text without a number too.
class TextStats final : public Transformer {
 public:
  explicit TextStats(TextStatsParams params) : params_(params) {}
  bool is_stateless() const override { return true; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override {
    return std::make_unique<Row>(inputs, params_.number);
  }

 private:
  class Row final : public RowStep {
   public:
    Row(const data::Frame& inputs, bool number) : number_(number) {
      for (std::size_t c = 0; c < inputs.n_columns(); ++c)
        levels_.push_back(
            inputs.column(c).type() == data::ColumnType::kCategory ? inputs.column(c).dictionary() : nullptr);
    }
    void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
      RowCell* next = out.data();
      const auto put = [&](double value) { (next++)->number = value; };
      for (std::size_t c = 0; c < in.size(); ++c) {
        Stats stats{kNaN, kNaN, kNaN, kNaN, kNaN};
        if (levels_[c] && in[c].number >= 0)
          stats = stats_of(levels_[c]->level(static_cast<std::int32_t>(in[c].number)), number_);
        else if (!levels_[c] && !in[c].is_missing)
          stats = stats_of(in[c].text(), number_);
        for (const double figure : {stats.length, stats.words, stats.digits, stats.upper})
          put(static_cast<double>(static_cast<float>(figure)));  // the columns are float32
        if (number_) put(stats.number);
      }
    }

   private:
    std::vector<std::shared_ptr<const data::Dictionary>> levels_;  // by column; null: a text
    bool number_;
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "text_stats", "text,category");
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out;
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      const Column& column = x.column(c);
      const std::size_t n = column.size();
      std::vector<float> length(n), words(n), digits(n), upper(n);
      std::vector<double> number(params_.number ? n : 0);
      context.parallel_blocks(n, kRowGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
          Stats stats{kNaN, kNaN, kNaN, kNaN, kNaN};
          if (!column.is_missing(row))
            stats = stats_of(column.type() == data::ColumnType::kText
                                 ? column.text(row)
                                 : column.dictionary()->level(column.codes()[row]),
                             params_.number);
          length[row] = static_cast<float>(stats.length);
          words[row] = static_cast<float>(stats.words);
          digits[row] = static_cast<float>(stats.digits);
          upper[row] = static_cast<float>(stats.upper);
          if (params_.number) number[row] = stats.number;
        }
      });
      out.push_back({x.name(c) + "_length", Column::from_float32(std::move(length))});
      out.push_back({x.name(c) + "_words", Column::from_float32(std::move(words))});
      out.push_back({x.name(c) + "_digit_share", Column::from_float32(std::move(digits))});
      out.push_back({x.name(c) + "_upper_share", Column::from_float32(std::move(upper))});
      if (params_.number) out.push_back({x.name(c) + "_number", Column::from_float64(std::move(number))});
    }
    return out;
  }

  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}

  TextStatsParams params_;
};

}  // namespace

TransformerInfo text_stats_info() {
  return describe<TextStats>(
      "text_stats", "Figures of a text: length, words, share of digits and capitals, first number.", "text",
      ParamTable<TextStatsParams>().param("number", &TextStatsParams::number,
                                          "Make <name>_number, the first number."));
}

}  // namespace kolosal::transform
