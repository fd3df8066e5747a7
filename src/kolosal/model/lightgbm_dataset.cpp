#include "kolosal/model/lightgbm_dataset.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <vector>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

/// A frame as an Arrow struct array that borrows the frame's buffers. It must stay where it is while it is in
/// use.
class ArrowView {
 public:
  explicit ArrowView(const data::Frame& x) {
    for (std::size_t c = 0; c < x.n_columns(); ++c) add(x.column(c), x.name(c));
    array_ = {.length = static_cast<std::int64_t>(x.n_rows()),
              .n_buffers = 1,
              .n_children = static_cast<std::int64_t>(child_arrays_.size()),
              .buffers = no_buffers_,
              .children = child_arrays_.data(),
              .release = release_array};
    schema_ = {.format = "+s",
               .name = "",
               .n_children = static_cast<std::int64_t>(child_schemas_.size()),
               .children = child_schemas_.data(),
               .release = release_schema};
  }
  ArrowView(const ArrowView&) = delete;
  ArrowView& operator=(const ArrowView&) = delete;

  const ArrowArray* array() const { return &array_; }
  const ArrowSchema* schema() const { return &schema_; }

 private:
  struct Child {
    ArrowArray array;
    ArrowSchema schema;
    const void* buffers[2];
    data::Bitmap valid;  // of a category, and where the column's own does not start at a byte
  };

  // Nothing is owned; the protocol only wants to see that the structs were released.
  static void release_array(ArrowArray* array) { array->release = nullptr; }
  static void release_schema(ArrowSchema* schema) { schema->release = nullptr; }

  static std::pair<const char*, const void*> values_of(const data::Column& column, const std::string& name) {
    switch (column.type()) {
      case data::ColumnType::kBool:
        return {"C", column.bools().data()};
      case data::ColumnType::kInt64:
        return {"l", column.int64s().data()};
      case data::ColumnType::kFloat64:
        return {"g", column.float64s().data()};
      case data::ColumnType::kFloat32:
        return {"f", column.float32s().data()};
      case data::ColumnType::kCategory:
        return {"i", column.codes().data()};
      default:
        throw Error(ErrorCode::kData,
                    "lightgbm can not take column \"{}\" of type {}; encode it as numbers first", name,
                    data::type_name(column.type()));
    }
  }

  void add(const data::Column& column, const std::string& name) {
    const auto [format, values] = values_of(column, name);
    Child& child = children_.emplace_back();
    child.buffers[0] = valid_bits(column, child.valid);
    child.buffers[1] = values;
    child.array = {.length = static_cast<std::int64_t>(column.size()),
                   .null_count = child.buffers[0] ? -1 : 0,
                   .n_buffers = 2,
                   .buffers = child.buffers,
                   .release = release_array};
    child.schema = {.format = format, .name = "", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    child_arrays_.push_back(&child.array);
    child_schemas_.push_back(&child.schema);
  }

  static const std::uint8_t* valid_bits(const data::Column& column, data::Bitmap& moved) {
    if (column.type() == data::ColumnType::kCategory) {
      // Of a negative code LightGBM would make the same, with a warning on the standard output.
      const auto codes = column.codes();
      if (std::ranges::none_of(codes, [](std::int32_t code) { return code < 0; })) return nullptr;
      moved = data::all_present(codes.size());
      for (std::size_t r = 0; r < codes.size(); ++r)
        if (codes[r] < 0) data::clear_bit(moved.data(), r);
      return moved.data();
    }
    const std::uint8_t* bits = column.valid_bits();
    const std::size_t offset = column.valid_bit_offset();
    if (!bits || offset % 8 == 0) return bits ? bits + offset / 8 : nullptr;
    moved = data::all_present(column.size());
    for (std::size_t r = 0; r < column.size(); ++r)
      if (!data::test_bit(bits, offset + r)) data::clear_bit(moved.data(), r);
    return moved.data();
  }

  std::deque<Child> children_;  // a deque: addresses stay
  std::vector<ArrowArray*> child_arrays_;
  std::vector<ArrowSchema*> child_schemas_;
  const void* no_buffers_[1] = {nullptr};
  ArrowArray array_{};
  ArrowSchema schema_{};
};

}  // namespace

LightgbmDataset bin_frame(const data::Frame& x, const std::string& params, const Context& context) {
  const LightgbmLibrary& library = LightgbmLibrary::get();
  if (x.n_rows() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(ErrorCode::kUnsupported, "lightgbm can not take more than 2147483647 rows: {}", x.n_rows());
  const ArrowView view(x);
  const LightgbmScope scope(library, context.n_threads);
  void* handle = nullptr;
  library.check(library.dataset_from_arrow(1, view.array(), view.schema(), params.c_str(), nullptr, &handle));
  return LightgbmDataset(handle);
}

LightgbmDataset subset_of(void* all, std::span<const std::uint32_t> rows, std::span<const float> labels,
                          std::span<const float> weights, const std::string& params) {
  const LightgbmLibrary& library = LightgbmLibrary::get();
  const std::vector<std::int32_t> indices(rows.begin(), rows.end());
  const int n = static_cast<int>(rows.size());
  void* handle = nullptr;
  library.check(library.dataset_subset(all, indices.data(), n, params.c_str(), &handle));
  LightgbmDataset out(handle);
  library.check(library.dataset_set_field(handle, "label", labels.data(), n, kLightgbmFloat32));
  if (!weights.empty())
    library.check(library.dataset_set_field(handle, "weight", weights.data(), n, kLightgbmFloat32));
  return out;
}

}  // namespace kolosal::model
