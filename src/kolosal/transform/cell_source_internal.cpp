#include "kolosal/transform/cell_source_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/kernel/column_ops.hpp"

namespace kolosal::transform {
namespace {}  // namespace

void CellMap::apply(const double* in, double* out, std::size_t n) const {
  if (kind == Kind::kFill) {
    kernel::fill_not_finite(in, fill, out, n);
    return;
  }
  // Halves keep the difference of huge numbers finite; for others the plain form is the accurate one.
  if (std::abs(centre) < 1e300 && scale < 1e300)
    kernel::centre_divide(in, centre, scale, out, n);
  else
    for (std::size_t i = 0; i < n; ++i) out[i] = (in[i] / 2 - centre / 2) / (scale / 2);
  if (clip > 0) kernel::clip(clip, out, n);
}

const double* CellSource::read(std::size_t begin, std::size_t n, double* buffer) const {
  if (maps_.empty() && column_.type() == data::ColumnType::kFloat64) return column_.float64s().data() + begin;
  write(begin, n, buffer);
  return buffer;
}

void CellSource::write(std::size_t begin, std::size_t n, double* out) const {
  const double* cells = out;
  if (column_.type() == data::ColumnType::kFloat64)
    cells = column_.float64s().data() + begin;
  else
    column_.slice(begin, n).copy_numbers(std::span<double>(out, n));
  for (const CellMap& map : maps_) {
    map.apply(cells, out, n);
    cells = out;
  }
  if (cells != out) std::copy_n(cells, n, out);
}

const double* CellSource::read_rows(std::span<const std::uint32_t> rows, double* buffer) const {
  if (rows.empty()) return buffer;
  if (rows.back() - rows.front() + 1 == rows.size()) return read(rows.front(), rows.size(), buffer);
  if (column_.type() == data::ColumnType::kFloat64) {
    const double* cells = column_.float64s().data();
    for (std::size_t i = 0; i < rows.size(); ++i) buffer[i] = cells[rows[i]];
  } else {
    for (std::size_t i = 0; i < rows.size(); ++i) buffer[i] = column_.number(rows[i]);
  }
  for (const CellMap& map : maps_) map.apply(buffer, buffer, rows.size());
  return buffer;
}

std::vector<CellSource> sources_of(const data::Frame& x) {
  std::vector<CellSource> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.emplace_back(x.column(c));
  return out;
}

std::vector<data::Column> make_columns(std::span<const CellSource> x, const Context& context) {
  std::vector<data::Column> out(x.size());
  if (x.empty()) return out;
  std::vector<data::CellBuffer<double>> buffers;
  for (const CellSource& source : x)
    buffers.emplace_back(
        source.maps().empty() && source.column().type() == data::ColumnType::kFloat64 ? 0 : source.size());
  const std::size_t n_tasks = (x.front().size() + kTaskRows - 1) / kTaskRows;
  context.parallel_blocks(x.size() * n_tasks, 1, [&](std::size_t task, std::size_t) {
    const std::size_t c = task / n_tasks;
    if (buffers[c].size() == 0) return;
    const std::size_t first = task % n_tasks * kTaskRows, last = std::min(first + kTaskRows, x[c].size());
    for (std::size_t begin = first; begin < last; begin += kRowGrain)
      x[c].write(begin, std::min(kRowGrain, last - begin), buffers[c].data() + begin);
  });
  for (std::size_t c = 0; c < x.size(); ++c)
    out[c] =
        buffers[c].size() == 0 && x[c].maps().empty() && x[c].column().type() == data::ColumnType::kFloat64
            ? x[c].column()
            : std::move(buffers[c]).to_column(data::ColumnType::kFloat64);
  return out;
}

}  // namespace kolosal::transform
