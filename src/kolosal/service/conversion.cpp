#include "kolosal/service/conversion.hpp"

#include "kolosal/core/error.hpp"

namespace kolosal::service {

ConvertReport convert_file(const ConvertRequest& request, const Context& context) {
  const auto input = io::open_table_stream(request.data, request.read, context);
  const auto writer = io::make_table_writer(request.output, request.write, context);
  ConvertReport report;
  while (const auto batch = input->next()) {
    if (context.should_stop())
      throw Error(ErrorCode::kInterrupted, "stopped after {} rows; nothing was written", report.n_rows);
    writer->write(*batch);
    report.n_rows += batch->n_rows();
  }
  writer->close();
  report.n_columns = input->names().size();
  report.notes = input->report().notes;
  return report;
}

}  // namespace kolosal::service
