#include "kolosal/infer/exporters/reference_rows.hpp"

#include <cmath>

#include "kolosal/core/random.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::uint64_t kMissingEvery = 8, kUnseenEvery = 20;

class Drawer {
 public:
  Drawer(const data::Field& field, std::size_t n_rows, std::uint64_t seed)
      : field_(field), n_(n_rows), rng_(derive_seed(seed, {"reference_rows", field.name})) {
    low_ = std::isfinite(field.minimum) ? field.minimum : 0;
    high_ = std::isfinite(field.maximum) ? field.maximum : 1;
  }

  Column draw() {
    switch (field_.type) {
      case ColumnType::kCategory:
        return levels();
      case ColumnType::kText:
        return texts();
      case ColumnType::kBool: {
        std::vector<std::uint8_t> cells(n_);
        for (auto& cell : cells) cell = static_cast<std::uint8_t>(rng_.below(2));
        auto valid = holes();
        return Column::from_bool(std::move(cells), std::move(valid));
      }
      case ColumnType::kInt64:
        return whole(
            [](auto cells, auto valid) { return Column::from_int64(std::move(cells), std::move(valid)); });
      case ColumnType::kDate:
        return whole(
            [](auto cells, auto valid) { return Column::from_date(std::move(cells), std::move(valid)); });
      case ColumnType::kTimestamp:
        return whole([](auto cells, auto valid) {
          return Column::from_timestamp(std::move(cells), std::move(valid));
        });
      case ColumnType::kFloat64:
      case ColumnType::kFloat32:
      case ColumnType::kSparse:
        break;
    }
    std::vector<double> cells(n_);
    for (double& cell : cells) cell = is_missing() ? std::nan("") : number();
    return Column::from_float64(std::move(cells));
  }

 private:
  bool is_missing() { return field_.n_missing > 0 && rng_.below(kMissingEvery) == 0; }
  double number() {
    const std::uint64_t end = rng_.below(20);
    return end == 0 ? low_ : end == 1 ? high_ : low_ + (high_ - low_) * rng_.uniform();
  }
  data::Bitmap holes() {
    data::Bitmap out = data::all_present(n_);
    for (std::size_t i = 0; i < n_; ++i)
      if (is_missing()) data::clear_bit(out.data(), i);
    return out;
  }
  template <typename Make>
  Column whole(Make make) {
    std::vector<std::int64_t> cells(n_);
    for (auto& cell : cells) cell = static_cast<std::int64_t>(number());
    auto valid = holes();
    return make(std::move(cells), std::move(valid));
  }
  Column levels() {
    auto names = field_.dictionary->levels();
    std::string unseen = "(a level of no training row)";
    while (field_.dictionary->find(unseen) >= 0) unseen += "_";
    const auto n_levels = static_cast<std::uint64_t>(names.size());
    names.push_back(std::move(unseen));
    std::vector<std::int32_t> codes(n_);
    for (auto& code : codes)
      code =
          static_cast<std::int32_t>(is_missing()                                     ? std::uint64_t(0) - 1
                                    : n_levels == 0 || rng_.below(kUnseenEvery) == 0 ? n_levels
                                                                                     : rng_.below(n_levels));
    return Column::from_category(std::move(codes),
                                 std::make_shared<const data::Dictionary>(std::move(names)));
  }
  Column texts() {
    std::vector<std::optional<std::string>> cells(n_);
    for (auto& cell : cells)
      if (!is_missing()) cell = rng_.below(2) ? "some words of text" : "other words";
    return Column::from_texts(cells);
  }

  const data::Field& field_;
  std::size_t n_;
  Rng rng_;
  double low_ = 0, high_ = 1;
};

}  // namespace

data::Frame reference_rows(const data::Schema& schema, std::size_t n_rows, std::uint64_t seed) {
  data::Frame out;
  for (const data::Field& field : schema.fields())
    if (field.role == data::Role::kFeature) out.add(field.name, Drawer(field, n_rows, seed).draw());
  return out;
}

}  // namespace kolosal::infer::exporters
