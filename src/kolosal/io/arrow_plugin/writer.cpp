#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "kolosal/io/arrow_plugin/status_internal.hpp"

using arrow::Status;

/// A file that is being written: one of parquet and ipc is set.
struct KolosalArrowWriter {
  std::shared_ptr<arrow::Schema> schema;
  std::shared_ptr<arrow::io::OutputStream> file;
  std::unique_ptr<parquet::arrow::FileWriter> parquet;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> ipc;
  bool closed = false;

  Status open_file(const std::string& path) {
    if (path != "-") {
      ARROW_ASSIGN_OR_RAISE(file, arrow::io::FileOutputStream::Open(path));
      return Status::OK();
    }
    const int out = dup(STDOUT_FILENO);  // closed with the stream
    if (out < 0) return Status::IOError("the standard output is closed");
    ARROW_ASSIGN_OR_RAISE(file, arrow::io::FileOutputStream::Open(out));
    return Status::OK();
  }

  Status open(std::string_view format) {
    if (format == "parquet") {
      // Level 3 is zstd's own default: about 10 % smaller than Arrow's default 1 for a little time.
      auto properties =
          parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->compression_level(3)->build();
      // With Arrow's schema inside, categories come back as categories.
      auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
      ARROW_ASSIGN_OR_RAISE(parquet, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), file,
                                                                      properties, arrow_properties));
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
    closed = true;
    if (parquet) ARROW_RETURN_NOT_OK(parquet->Close());
    if (ipc) ARROW_RETURN_NOT_OK(ipc->Close());
    return file->Close();
  }
};

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_create(const char* path, const char* format, ArrowSchema* schema,
                                                         KolosalArrowWriter** out, KolosalArrowError* error) {
  return kolosal_arrow::guarded(error, [&]() -> Status {
    auto writer = std::make_unique<KolosalArrowWriter>();
    ARROW_ASSIGN_OR_RAISE(writer->schema, arrow::ImportSchema(schema));
    ARROW_RETURN_NOT_OK(writer->open_file(path));
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

extern "C" KOLOSAL_ARROW_EXPORT int kolosal_arrow_close(KolosalArrowWriter* writer, KolosalArrowError* error) {
  return kolosal_arrow::guarded(error, [&] { return writer->close(); });
}

extern "C" KOLOSAL_ARROW_EXPORT void kolosal_arrow_free(KolosalArrowWriter* writer) {
  if (!writer) return;
  KolosalArrowError ignored;  // an unfinished file is thrown away by the caller, whatever its last write says
  if (!writer->closed) kolosal_arrow::guarded(&ignored, [&] { return writer->close(); });
  delete writer;
}
