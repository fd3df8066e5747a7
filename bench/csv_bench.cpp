// Reads one table and prints, as JSON, the seconds of the best of N_RUNS, peak memory and what csv_reading.py
// compares with its peers. csv_bench PATH N_THREADS [N_RUNS] [stream]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/io/table_reader.hpp"

using namespace kolosal;

namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Numbers are summed, moments as days, texts by their bytes.
double sum_of(const data::Column& column) {
  double sum = 0;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (column.is_missing(row)) continue;
    switch (column.type()) {
      case data::ColumnType::kText:
        sum += static_cast<double>(column.text(row).size());
        break;
      case data::ColumnType::kCategory:
        sum += static_cast<double>(column.dictionary()->level(column.codes()[row]).size());
        break;
      case data::ColumnType::kDate:
      case data::ColumnType::kTimestamp:
        sum += static_cast<double>(column.int64s()[row]) / 86400e9;
        break;
      default:
        sum += column.number(row);
    }
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  const int n_runs = argc > 3 ? std::atoi(argv[3]) : 1;
  const bool stream = argc > 4 && std::string_view(argv[4]) == "stream";
  ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[2])));
  Context context;
  context.pool = &pool;
  context.n_threads = pool.n_threads();
  double best_s = 1e9, best_cpu_s = 1e9;
  std::size_t n_rows = 0;
  data::Frame frame;
  for (int i = 0; i < n_runs; ++i) {
    frame = {};
    const double start = now_s(), cpu = cpu_s();
    if (stream) {
      const auto rows = io::open_table_stream(argv[1], {}, context);
      for (n_rows = 0; auto batch = rows->next();) n_rows += batch->n_rows();
    } else {
      frame = io::read_table(argv[1], {}, context);
      n_rows = frame.n_rows();
    }
    best_s = std::min(best_s, now_s() - start);
    best_cpu_s = std::min(best_cpu_s, cpu_s() - cpu);
  }
  std::printf("{\"seconds\": %.4f, \"cpu_s\": %.4f, \"peak_mb\": %.1f, \"n_rows\": %zu, \"columns\": {",
              best_s, best_cpu_s, peak_mb(), n_rows);
  for (std::size_t i = 0; i < frame.n_columns(); ++i)
    std::printf("%s\"%s\": [\"%s\", %zu, %.17g]", i == 0 ? "" : ", ", frame.name(i).c_str(),
                std::string(data::type_name(frame.column(i).type())).c_str(), frame.column(i).n_missing(),
                sum_of(frame.column(i)));
  std::printf("}}\n");
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return exit_code(error.code());
}
