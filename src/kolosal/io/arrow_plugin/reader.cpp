#include <arrow/api.h>
#include <arrow/array/concatenate.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <arrow/util/thread_pool.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kolosal/io/arrow_plugin/status_internal.hpp"

namespace kolosal_arrow {
namespace {

using arrow::Result;
using arrow::Status;

/// A file, or bytes in memory, as Arrow reads it. A mapped file gives columns that are not copied.
Result<std::shared_ptr<arrow::io::RandomAccessFile>> open_source(const KolosalArrowReadOptions& options,
                                                                 bool map) {
  if (!options.path)
    return std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
        static_cast<const std::uint8_t*>(options.data), static_cast<std::int64_t>(options.n_bytes)));
  if (!map) return arrow::io::ReadableFile::Open(options.path);
  ARROW_ASSIGN_OR_RAISE(auto file,
                        arrow::io::MemoryMappedFile::Open(options.path, arrow::io::FileMode::READ));
  return file;
}

std::int64_t rows_per_batch(const KolosalArrowReadOptions& options, std::size_t n_columns) {
  if (options.batch_rows > 0) return options.batch_rows;
  const auto row_bytes = static_cast<std::int64_t>(8 * std::max<std::size_t>(1, n_columns));
  return std::clamp<std::int64_t>(options.batch_bytes / row_bytes, 64, 65536);
}

Status check_limit(const KolosalArrowReadOptions& options, const KolosalArrowFileInfo& info) {
  if (options.limit_bytes <= 0 || info.estimated_bytes <= options.limit_bytes) return Status::OK();
  return Status::OutOfMemory("the table is larger than the memory limit");
}

/// Positions of the wanted columns in a schema, in its order.
Result<std::vector<int>> wanted_fields(const arrow::Schema& schema, const KolosalArrowReadOptions& options) {
  std::vector<int> out;
  std::unordered_set<std::string> wanted;
  for (std::size_t i = 0; options.columns && i < options.n_columns; ++i) wanted.insert(options.columns[i]);
  for (int i = 0; i < schema.num_fields(); ++i)
    if (!options.columns || wanted.erase(schema.field(i)->name())) out.push_back(i);
  if (!wanted.empty()) return Status::KeyError("column not found: ", *wanted.begin());
  return out;
}

/// All chunks of a text column whose bytes are too many for the 32-bit offsets of one array.
Result<std::shared_ptr<arrow::Array>> as_large_text(const arrow::ChunkedArray& column) {
  arrow::LargeStringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(column.length()));
  for (const auto& chunk : column.chunks()) {
    const auto& texts = static_cast<const arrow::StringArray&>(*chunk);
    for (std::int64_t i = 0; i < texts.length(); ++i)
      ARROW_RETURN_NOT_OK(texts.IsNull(i) ? builder.AppendNull() : builder.Append(texts.GetView(i)));
  }
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> join_chunks(std::shared_ptr<arrow::ChunkedArray> column) {
  if (column->type()->id() == arrow::Type::DICTIONARY && column->num_chunks() > 1) {
    ARROW_ASSIGN_OR_RAISE(column, arrow::DictionaryUnifier::UnifyChunkedArray(column));
  }
  if (column->num_chunks() == 1) return column->chunk(0);
  if (column->num_chunks() == 0) return arrow::MakeEmptyArray(column->type());
  if (column->type()->id() == arrow::Type::STRING) {
    std::int64_t n_bytes = 0;
    for (const auto& chunk : column->chunks())
      n_bytes += static_cast<const arrow::StringArray&>(*chunk).total_values_length();
    if (n_bytes > std::numeric_limits<std::int32_t>::max()) return as_large_text(*column);
  }
  return arrow::Concatenate(column->chunks());
}

/// One batch of all rows. Chunks are let go column by column, so the peak is the table and one column.
Result<std::shared_ptr<arrow::RecordBatch>> join_table(std::shared_ptr<arrow::Table> table) {
  const std::int64_t n_rows = table->num_rows();
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns = table->columns();
  std::vector<std::shared_ptr<arrow::Field>> fields = table->schema()->fields();
  table.reset();
  std::vector<std::shared_ptr<arrow::Array>> arrays(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(arrays[i], join_chunks(std::exchange(columns[i], nullptr)));
    fields[i] = fields[i]->WithType(arrays[i]->type());
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), n_rows, std::move(arrays));
}

/// Batches of another reader, cut to a number of rows and checked: the C interface carries no buffer sizes,
/// so a buffer that is too short for its rows must be found here.
class CheckedBatches final : public arrow::RecordBatchReader {
 public:
  CheckedBatches(std::shared_ptr<arrow::RecordBatchReader> source, std::int64_t batch_rows,
                 std::shared_ptr<void> owner)
      : source_(std::move(source)), batch_rows_(batch_rows), owner_(std::move(owner)) {}
  ~CheckedBatches() override { source_.reset(); }  // before its owner

  std::shared_ptr<arrow::Schema> schema() const override { return source_->schema(); }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    try {
      return read_next(out);
    } catch (const std::bad_alloc&) {
      return Status::OutOfMemory("out of memory");
    } catch (const std::exception& e) {
      return Status::Invalid(e.what());
    }
  }

 private:
  Status read_next(std::shared_ptr<arrow::RecordBatch>* out) {
    out->reset();
    while (!rest_ || offset_ >= rest_->num_rows()) {
      ARROW_RETURN_NOT_OK(source_->ReadNext(&rest_));
      if (!rest_) return Status::OK();
      ARROW_RETURN_NOT_OK(rest_->Validate());
      offset_ = 0;
    }
    *out = batch_rows_ > 0 ? rest_->Slice(offset_, batch_rows_) : rest_;
    offset_ += (*out)->num_rows();
    return Status::OK();
  }

  std::shared_ptr<arrow::RecordBatchReader> source_;
  std::int64_t batch_rows_;
  std::shared_ptr<void> owner_;
  std::shared_ptr<arrow::RecordBatch> rest_;
  std::int64_t offset_ = 0;
};

/// A reader of one batch.
Result<std::shared_ptr<arrow::RecordBatchReader>> single(std::shared_ptr<arrow::RecordBatch> batch) {
  const auto schema = batch->schema();
  return arrow::RecordBatchReader::Make({std::move(batch)}, schema);
}

// ---- Parquet ------------------------------------------------------------------------------------------

void add_leaves(const parquet::arrow::SchemaField& field, std::vector<int>& out) {
  if (field.column_index >= 0) out.push_back(field.column_index);
  for (const auto& child : field.children) add_leaves(child, out);
}

/// The first row groups that hold so many rows; 0: all.
std::vector<int> row_groups(const parquet::FileMetaData& metadata, std::int64_t max_rows) {
  std::vector<int> out;
  std::int64_t n_rows = 0;
  for (int i = 0; i < metadata.num_row_groups() && (max_rows <= 0 || n_rows < max_rows); ++i) {
    out.push_back(i);
    n_rows += metadata.RowGroup(i)->num_rows();
  }
  return out;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> open_parquet(const KolosalArrowReadOptions& options,
                                                               KolosalArrowFileInfo& info) {
  ARROW_ASSIGN_OR_RAISE(auto source, open_source(options, false));
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::move(source)));
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(options.n_threads > 1);
  properties.set_pre_buffer(false);  // it would hold the bytes of whole row groups
  builder.properties(properties);
  ARROW_ASSIGN_OR_RAISE(auto built, builder.Build());
  const std::shared_ptr<parquet::arrow::FileReader> reader = std::move(built);

  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  ARROW_ASSIGN_OR_RAISE(const auto fields, wanted_fields(*schema, options));
  std::vector<int> leaves;
  for (const int field : fields)
    add_leaves(reader->manifest().schema_fields[static_cast<std::size_t>(field)], leaves);

  const auto metadata = reader->parquet_reader()->metadata();
  const auto groups = row_groups(*metadata, options.whole ? options.max_rows : 0);
  info = {0, 0};
  for (const int group : groups) {
    const auto row_group = metadata->RowGroup(group);
    info.n_rows += row_group->num_rows();
    for (const int leaf : leaves)
      info.estimated_bytes += row_group->ColumnChunk(leaf)->total_uncompressed_size();
  }
  // Parquet counts bytes before its dictionaries and run lengths are undone; a cell then takes about 8.
  info.estimated_bytes =
      std::max(info.estimated_bytes, info.n_rows * 8 * static_cast<std::int64_t>(leaves.size()));
  if (options.whole) {
    ARROW_RETURN_NOT_OK(check_limit(options, info));
    ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadRowGroups(groups, leaves));
    ARROW_ASSIGN_OR_RAISE(auto batch, join_table(std::move(table)));
    return single(std::move(batch));
  }
  const std::int64_t batch_rows = rows_per_batch(options, leaves.size());
  reader->set_batch_size(batch_rows);
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader(groups, leaves));
  return std::make_shared<CheckedBatches>(std::move(batches), batch_rows, reader);
}

// ---- Arrow IPC ----------------------------------------------------------------------------------------

/// The batches of an IPC file in their order.
class FileBatches final : public arrow::RecordBatchReader {
 public:
  explicit FileBatches(std::shared_ptr<arrow::ipc::RecordBatchFileReader> file) : file_(std::move(file)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return file_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    out->reset();
    if (next_ >= file_->num_record_batches()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(*out, file_->ReadRecordBatch(next_++));
    return Status::OK();
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  int next_ = 0;
};

Result<std::shared_ptr<arrow::RecordBatchReader>> open_ipc_batches(
    const std::shared_ptr<arrow::io::RandomAccessFile>& source, const KolosalArrowReadOptions& options,
    KolosalArrowFileInfo& info) {
  auto read_options = arrow::ipc::IpcReadOptions::Defaults();
  read_options.use_threads = options.n_threads > 1;
  ARROW_ASSIGN_OR_RAISE(const auto start, source->ReadAt(0, 6));
  if (start->ToString() == "ARROW1") {
    // Opened once for the schema, and again with the wanted columns.
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::ipc::RecordBatchFileReader::Open(source, read_options));
    ARROW_ASSIGN_OR_RAISE(read_options.included_fields, wanted_fields(*file->schema(), options));
    ARROW_ASSIGN_OR_RAISE(file, arrow::ipc::RecordBatchFileReader::Open(source, read_options));
    ARROW_ASSIGN_OR_RAISE(info.n_rows, file->CountRows());
    const auto cells = info.n_rows * static_cast<std::int64_t>(read_options.included_fields.size());
    info.estimated_bytes = std::max(info.estimated_bytes, 8 * cells);  // the file may be compressed
    return std::make_shared<FileBatches>(std::move(file));
  }
  ARROW_RETURN_NOT_OK(source->Seek(0));  // ReadAt() has left the position undefined
  ARROW_ASSIGN_OR_RAISE(auto stream, arrow::ipc::RecordBatchStreamReader::Open(source, read_options));
  ARROW_ASSIGN_OR_RAISE(read_options.included_fields, wanted_fields(*stream->schema(), options));
  ARROW_RETURN_NOT_OK(source->Seek(0));
  ARROW_ASSIGN_OR_RAISE(stream, arrow::ipc::RecordBatchStreamReader::Open(source, read_options));
  return stream;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> open_ipc(const KolosalArrowReadOptions& options,
                                                           KolosalArrowFileInfo& info) {
  // Mapped pages count as memory of the process, so what is read in batches is not mapped.
  ARROW_ASSIGN_OR_RAISE(const auto source, open_source(options, options.whole != 0));
  ARROW_ASSIGN_OR_RAISE(const std::int64_t n_bytes, source->GetSize());
  if (n_bytes == 0) return Status::Invalid("the file is empty");
  info = {-1, n_bytes};
  ARROW_ASSIGN_OR_RAISE(auto batches, open_ipc_batches(source, options, info));
  const auto n_columns = static_cast<std::size_t>(batches->schema()->num_fields());
  const std::int64_t batch_rows = options.whole ? 0 : rows_per_batch(options, n_columns);
  auto checked = std::make_shared<CheckedBatches>(std::move(batches), batch_rows, nullptr);
  if (!options.whole) return checked;

  ARROW_RETURN_NOT_OK(check_limit(options, info));
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  std::int64_t n_rows = 0;
  for (std::shared_ptr<arrow::RecordBatch> part; options.max_rows <= 0 || n_rows < options.max_rows;) {
    ARROW_RETURN_NOT_OK(checked->ReadNext(&part));
    if (!part) break;
    n_rows += part->num_rows();
    parts.push_back(std::move(part));
  }
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(checked->schema(), parts));
  parts.clear();
  ARROW_ASSIGN_OR_RAISE(auto batch, join_table(std::move(table)));
  return single(std::move(batch));
}

}  // namespace
}  // namespace kolosal_arrow

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_open(const KolosalArrowReadOptions* options,
                                                       ArrowArrayStream* out, KolosalArrowFileInfo* info,
                                                       KolosalArrowError* error) {
  using namespace kolosal_arrow;
  return guarded(error, [&]() -> Status {
    if (options->n_threads > 1) ARROW_RETURN_NOT_OK(arrow::SetCpuThreadPoolCapacity(options->n_threads));
    *info = {-1, -1};
    const bool is_parquet = std::string_view(options->format) == "parquet";
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          is_parquet ? open_parquet(*options, *info) : open_ipc(*options, *info));
    return arrow::ExportRecordBatchReader(std::move(reader), out);
  });
}

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_abi(void) { return KOLOSAL_ARROW_ABI; }

extern "C" KOLOSAL_ARROW_EXPORT const char* kolosal_arrow_version(void) { return ARROW_VERSION_STRING; }
