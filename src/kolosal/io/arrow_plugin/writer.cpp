#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <memory>
#include <string_view>

#include "kolosal/io/arrow_plugin/status_internal.hpp"

using arrow::Status;

namespace {

/// Hands the bytes to the program.
class SinkStream final : public arrow::io::OutputStream {
 public:
  explicit SinkStream(const KolosalArrowSink& sink) : sink_(sink) { set_mode(arrow::io::FileMode::WRITE); }

  Status Write(const void* bytes, std::int64_t n_bytes) override {
    if (abandoned) return Status::OK();
    if (sink_.write(sink_.context, bytes, static_cast<std::size_t>(n_bytes)) != 0)
      return Status::IOError("not written");
    position_ += n_bytes;
    return Status::OK();
  }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  bool closed() const override { return closed_; }

  bool abandoned = false;  ///< What is still written while the writer is taken down goes nowhere.

 private:
  KolosalArrowSink sink_;
  std::int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

/// A file that is being written: one of parquet and ipc is set.
struct KolosalArrowWriter {
  std::shared_ptr<arrow::Schema> schema;
  std::shared_ptr<SinkStream> file;
  std::unique_ptr<parquet::arrow::FileWriter> parquet;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> ipc;

  Status open(std::string_view format) {
    if (format == "parquet") {
      // Level 3 is zstd's own default: about 10 % smaller than Arrow's default 1 for a little time. A row
      // group is kept in memory until it is full; Arrow's default is 1,048,576 rows.
      auto properties = parquet::WriterProperties::Builder()
                            .compression(arrow::Compression::ZSTD)
                            ->compression_level(3)
                            ->max_row_group_length(131'072)
                            ->build();
      // With Arrow's schema inside, categories come back as categories.
      auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
      ARROW_ASSIGN_OR_RAISE(parquet, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(),
                                                                      file, properties, arrow_properties));
      return Status::OK();
    }
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    options.use_threads = false;
    options.unify_dictionaries = true;
    options.emit_dictionary_deltas = true;
    if (format == "arrow") {
      ARROW_ASSIGN_OR_RAISE(ipc, arrow::ipc::MakeFileWriter(file, schema, options));
    } else {
      ARROW_ASSIGN_OR_RAISE(ipc, arrow::ipc::MakeStreamWriter(file, schema, options));
    }
    return Status::OK();
  }

  Status close() {
    if (parquet) ARROW_RETURN_NOT_OK(parquet->Close());
    if (ipc) ARROW_RETURN_NOT_OK(ipc->Close());
    return file->Close();
  }
};

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_create(const KolosalArrowSink* sink, const char* format,
                                                         ArrowSchema* schema, KolosalArrowWriter** out,
                                                         KolosalArrowError* error) {
  return kolosal_arrow::guarded(error, [&]() -> Status {
    auto writer = std::make_unique<KolosalArrowWriter>();
    ARROW_ASSIGN_OR_RAISE(writer->schema, arrow::ImportSchema(schema));
    writer->file = std::make_shared<SinkStream>(*sink);
    ARROW_RETURN_NOT_OK(writer->open(format));
    *out = writer.release();
    return Status::OK();
  });
}

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_write(KolosalArrowWriter* writer, ArrowArray* batch,
                                                        KolosalArrowError* error) {
  return kolosal_arrow::guarded(error, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto rows, arrow::ImportRecordBatch(batch, writer->schema));
    return writer->parquet ? writer->parquet->WriteRecordBatch(*rows) : writer->ipc->WriteRecordBatch(*rows);
  });
}

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_close(KolosalArrowWriter* writer,
                                                        KolosalArrowError* error) {
  return kolosal_arrow::guarded(error, [&] { return writer->close(); });
}

extern "C" KOLOSAL_ARROW_EXPORT void kolosal_arrow_free(KolosalArrowWriter* writer) {
  if (!writer) return;
  writer->file->abandoned = true;
  KolosalArrowError ignored;  // nothing is written any more, so nothing can be lost
  kolosal_arrow::guarded(&ignored, [&] {
    delete writer;
    return Status::OK();
  });
}
