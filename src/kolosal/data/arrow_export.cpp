#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {
namespace {

// What the structs of one array point to, theirs until the release callback.
struct ArrayData {
  Column column;  // keeps the shared buffers alive
  std::vector<const void*> buffers;
  Bitmap valid;
  Bitmap bits;
  std::vector<std::int32_t> numbers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  ArrowArray dictionary{};
};

struct SchemaData {
  std::string name;
  std::string format;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  ArrowSchema dictionary{};
};

template <typename Data, typename Struct>
void release(Struct* released) noexcept {
  const std::unique_ptr<Data> data(static_cast<Data*>(released->private_data));
  // The receiver may have moved a child out; then its release is null here.
  for (Struct& child : data->children)
    if (child.release) child.release(&child);
  if (data->dictionary.release) data->dictionary.release(&data->dictionary);
  released->release = nullptr;
  released->private_data = nullptr;
}

// Releases what was made when a later column fails.
template <typename Data, typename Struct>
struct Guard {
  std::unique_ptr<Data> data = std::make_unique<Data>();
  ~Guard() {
    if (!data) return;
    for (Struct& child : data->children)
      if (child.release) child.release(&child);
    if (data->dictionary.release) data->dictionary.release(&data->dictionary);
  }
};

using ArrayGuard = Guard<ArrayData, ArrowArray>;
using SchemaGuard = Guard<SchemaData, ArrowSchema>;

ArrowArray finish(ArrayGuard& guard, std::size_t length, std::size_t null_count) {
  ArrayData& data = *guard.data;
  for (ArrowArray& child : data.children) data.child_pointers.push_back(&child);
  ArrowArray out{};
  out.length = static_cast<std::int64_t>(length);
  out.null_count = static_cast<std::int64_t>(null_count);
  out.n_buffers = static_cast<std::int64_t>(data.buffers.size());
  out.buffers = data.buffers.data();
  out.n_children = static_cast<std::int64_t>(data.children.size());
  out.children = data.child_pointers.data();
  out.dictionary = data.dictionary.release ? &data.dictionary : nullptr;
  out.release = [](ArrowArray* array) { release<ArrayData>(array); };
  out.private_data = guard.data.release();
  return out;
}

ArrowSchema finish(SchemaGuard& guard) {
  SchemaData& data = *guard.data;
  for (ArrowSchema& child : data.children) data.child_pointers.push_back(&child);
  ArrowSchema out{};
  out.format = data.format.c_str();
  out.name = data.name.c_str();
  out.flags = ARROW_FLAG_NULLABLE;
  out.n_children = static_cast<std::int64_t>(data.children.size());
  out.children = data.child_pointers.data();
  out.dictionary = data.dictionary.release ? &data.dictionary : nullptr;
  out.release = [](ArrowSchema* schema) { release<SchemaData>(schema); };
  out.private_data = guard.data.release();
  return out;
}

// Arrow counts a bitmap and the values from the same offset; ours may differ, then the bits are copied.
const void* validity(ArrayData& data) {
  const Column& column = data.column;
  if (column.n_missing() == 0) return nullptr;
  if (column.valid_bits() && column.valid_bit_offset() % 8 == 0)
    return column.valid_bits() + column.valid_bit_offset() / 8;
  data.valid = all_present(column.size());
  for (std::size_t i = 0; i < column.size(); ++i)
    if (column.is_missing(i)) clear_bit(data.valid.data(), i);
  return data.valid.data();
}

Column levels_column(const Dictionary& dictionary) {
  std::vector<std::int64_t> offsets{0};
  std::string bytes;
  for (const std::string& level : dictionary.levels()) {
    bytes += level;
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return Column::from_text(std::move(offsets), std::move(bytes));
}

const void* bool_bits(ArrayData& data) {
  const auto values = data.column.bools();
  data.bits.assign((values.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i]) set_bit(data.bits.data(), i);
  return data.bits.data();
}

const void* days(ArrayData& data) {
  for (const std::int64_t value : data.column.int64s())
    data.numbers.push_back(static_cast<std::int32_t>(floor_to_day(value) / kNanosecondsPerDay));
  return data.numbers.data();
}

// Arrow wants an index within the dictionary below missing cells too.
const void* indices(ArrayData& data) {
  const auto codes = data.column.codes();
  if (data.column.n_missing() == 0) return codes.data();
  data.numbers.assign(codes.begin(), codes.end());
  for (std::int32_t& code : data.numbers) code = std::max(code, 0);
  return data.numbers.data();
}

const void* values(ArrayData& data) {
  const Column& column = data.column;
  switch (column.type()) {
    case ColumnType::kBool:
      return bool_bits(data);
    case ColumnType::kInt64:
    case ColumnType::kTimestamp:
      return column.int64s().data();
    case ColumnType::kFloat64:
      return column.float64s().data();
    case ColumnType::kFloat32:
      return column.float32s().data();
    case ColumnType::kCategory:
      return indices(data);
    case ColumnType::kText:
      return column.text_offsets();
    case ColumnType::kDate:
      return days(data);
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "sparse columns were refused");
}

const char* format_of(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "b";
    case ColumnType::kInt64:
      return "l";
    case ColumnType::kFloat64:
      return "g";
    case ColumnType::kFloat32:
      return "f";
    case ColumnType::kCategory:
      return "i";
    case ColumnType::kText:
      return "U";
    case ColumnType::kDate:
      return "tdD";
    case ColumnType::kTimestamp:
      return "tsn:";
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "sparse columns were refused");
}

ArrowArray export_array(const Column& column) {
  ArrayGuard guard;
  ArrayData& data = *guard.data;
  data.column = column;
  data.buffers = {validity(data), values(data)};
  if (column.type() == ColumnType::kText) data.buffers.push_back(column.text_bytes());
  if (column.type() == ColumnType::kCategory)
    data.dictionary = export_array(levels_column(*column.dictionary()));
  return finish(guard, column.size(), column.n_missing());
}

ArrowSchema export_schema(const std::string& name, ColumnType type) {
  SchemaGuard guard;
  guard.data->name = name;
  guard.data->format = format_of(type);
  if (type == ColumnType::kCategory) guard.data->dictionary = export_schema("", ColumnType::kText);
  return finish(guard);
}

}  // namespace

void export_arrow(const Frame& frame, ArrowArray* array, ArrowSchema* schema) {
  ArrayGuard arrays;
  SchemaGuard schemas;
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    const Column& column = frame.column(i);
    if (column.type() == ColumnType::kSparse)
      throw Error(ErrorCode::kUnsupported, "column '{}' is sparse, which has no form in Arrow; leave it out",
                  frame.name(i));
    arrays.data->children.push_back(export_array(column));
    schemas.data->children.push_back(export_schema(frame.name(i), column.type()));
  }
  schemas.data->format = "+s";
  arrays.data->buffers = {nullptr};
  *schema = finish(schemas);
  schema->flags = 0;
  *array = finish(arrays, frame.n_rows(), 0);
}

}  // namespace kolosal::data
