#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextToCategoryParams {
  std::int64_t min_frequency = 2;
  std::int64_t max_levels = 100'000;
};

/// A text becomes a category: its levels are the texts with at least min_frequency fitted rows, ordered by
/// their bytes.
///
/// Missing: stays missing.  Unseen: texts that are no level get kUnseenCode.
/// Edge:    when more than max_levels texts are frequent enough, the most frequent stay.
class TextToCategory final : public Transformer {
 public:
  explicit TextToCategory(TextToCategoryParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "text_to_category", "text");
    levels_.assign(x.n_columns(), {});
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      std::unordered_map<std::string_view, std::int64_t> counts;
      for (const std::uint32_t row : rows)
        if (!column.is_missing(row)) ++counts[column.text(row)];
      std::vector<std::pair<std::int64_t, std::string_view>> frequent;
      for (const auto& [text, count] : counts)
        if (count >= params_.min_frequency) frequent.emplace_back(-count, text);
      std::ranges::sort(frequent);
      frequent.resize(std::min(frequent.size(), static_cast<std::size_t>(params_.max_levels)));
      std::vector<std::string> levels;
      for (const auto& [count, text] : frequent) levels.emplace_back(text);
      std::ranges::sort(levels);
      levels_[c] = Levels(std::make_shared<const data::Dictionary>(std::move(levels)));
    });
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
