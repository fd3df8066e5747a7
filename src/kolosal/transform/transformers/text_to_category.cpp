#include <algorithm>
#include <string_view>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/term_table_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextToCategoryParams {
  std::int64_t min_frequency = 2;
  std::int64_t max_levels = 100'000;
};

// Fitted rows by text.
struct TextCounts {
  TermTable texts;
  std::vector<std::int64_t> n_rows;  // by text

  void add(std::string_view text, std::int64_t n = 1) {
    const std::uint32_t number = texts.add(text);
    if (number == n_rows.size()) n_rows.push_back(0);
    n_rows[number] += n;
  }
};

/// A text becomes a category: its levels are the texts with at least min_frequency fitted rows, ordered by
/// their bytes.
///
/// Missing: stays missing.  Unseen: texts that are no level get kUnseenCode.
/// Streams: exactly, in memory by the different texts; kMemory when they exceed the limit.
/// Edge:    when more than max_levels texts are frequent enough, the most frequent stay.
class TextToCategory final : public Transformer {
 public:
  explicit TextToCategory(TextToCategoryParams params) : params_(params) {}
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "category"; }
  std::unique_ptr<RowStep> row_step(const data::Frame&) const override {
    return std::make_unique<Row>(levels_);
  }

 private:
  class Row final : public RowStep {
   public:
    explicit Row(const std::vector<Levels>& levels) : levels_(levels) {}
    void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
      for (std::size_t c = 0; c < in.size(); ++c)
        out[c].number = in[c].is_missing ? data::kMissingCode : levels_[c].dictionary().find(in[c].text());
    }

   private:
    const std::vector<Levels>& levels_;
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "text_to_category", "text");
    levels_.assign(x.n_columns(), {});
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      TextCounts counts;
      for (const std::uint32_t row : rows)
        if (!x.column(c).is_missing(row)) counts.add(x.column(c).text(row));
      levels_[c] = levels_of(counts);
    });
  }

  Levels levels_of(const TextCounts& counts) const {
    std::vector<std::pair<std::int64_t, std::string_view>> frequent;
    for (std::uint32_t i = 0; i < counts.texts.size(); ++i)
      if (counts.n_rows[i] >= params_.min_frequency)
        frequent.emplace_back(-counts.n_rows[i], counts.texts.term(i));
    std::ranges::sort(frequent);
    frequent.resize(std::min(frequent.size(), static_cast<std::size_t>(params_.max_levels)));
    std::vector<std::string> levels;
    for (const auto& [count, text] : frequent) levels.emplace_back(text);
    std::ranges::sort(levels);
    return Levels(std::make_shared<const data::Dictionary>(std::move(levels)));
  }

  void do_begin_stream() override { gathered_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "text_to_category", "text");
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      for (std::size_t row = 0; row < x.n_rows(); ++row)
        if (!x.column(c).is_missing(row)) gathered_[c].add(x.column(c).text(row));
      if (gathered_[c].texts.n_bytes() > context.memory_limit_bytes / 4)
        throw Error(ErrorCode::kMemory,
                    "the different texts of column \"{}\" take more than {:.0f} MB, a quarter of the memory "
                    "limit; text_hash needs less memory",
                    x.name(c), static_cast<double>(context.memory_limit_bytes) / 4e6);
    });
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const TextToCategory&>(other).gathered_;
    for (std::size_t c = 0; c < gathered_.size(); ++c)
      for (std::uint32_t i = 0; i < theirs[c].texts.size(); ++i)
        gathered_[c].add(theirs[c].texts.term(i), theirs[c].n_rows[i]);
  }
  void do_finish_fit(const Context& context) override {
    levels_.assign(gathered_.size(), {});
    context.parallel_blocks(gathered_.size(), 1,
                            [&](std::size_t c, std::size_t) { levels_[c] = levels_of(gathered_[c]); });
    gathered_.clear();
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out;
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      const Column& column = x.column(c);
      std::vector<std::int32_t> codes(column.size());
      context.parallel_blocks(codes.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row)
          codes[row] =
              column.is_missing(row) ? data::kMissingCode : levels_[c].dictionary().find(column.text(row));
      });
      out.push_back({x.name(c), Column::from_category(std::move(codes), levels_[c].shared_dictionary())});
    }
    return out;
  }

  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < levels_.size(); ++c)
      levels_[c].save(node.add_child(fmt::format("column_{}", c)));
  }
  void do_load(const artifact::Node& node) override {
    levels_.clear();
    for (std::size_t c = 0; c < input_columns().size(); ++c)
      levels_.push_back(Levels::load(node.child(fmt::format("column_{}", c))));
  }

  TextToCategoryParams params_;
  std::vector<Levels> levels_;
  std::vector<TextCounts> gathered_;  // by column, within a fit over a stream
};

}  // namespace

TransformerInfo text_to_category_info() {
  return describe<TextToCategory>(
      "text_to_category", "Turn texts that repeat into the levels of a category.", "text",
      ParamTable<TextToCategoryParams>()
          .param("min_frequency", &TextToCategoryParams::min_frequency, "Fewest training rows of a level.")
          .limits(1, 1e9)
          .param("max_levels", &TextToCategoryParams::max_levels, "Most levels; the most frequent stay.")
          .limits(1, 1e8));
}

}  // namespace kolosal::transform
