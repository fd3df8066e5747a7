// Times steps of selection, reduction and resampling on a table that selection.py wrote. Prints one JSON line.
//   selection_bench DATA THREADS WORK REPEATS     WORK: mutual_information, pca, smote
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "kolosal/core/thread_pool.hpp"
#include "kolosal/transform/resampler.hpp"
#include "kolosal/transform/transformer.hpp"

using namespace kolosal;

namespace {

template <typename T>
std::vector<T> read(std::ifstream& file, std::size_t n) {
  std::vector<T> out(n);
  file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(n * sizeof(T)));
  return out;
}

double seconds_of(auto&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  const auto header = read<std::int64_t>(file, 3);  // rows, columns, classes
  const auto n_rows = static_cast<std::size_t>(header[0]);
  data::Frame x;
  for (std::int64_t c = 0; c < header[1]; ++c)
    x.add("x" + std::to_string(c), data::Column::from_float64(read<double>(file, n_rows)));
  const auto values = read<double>(file, n_rows);
  const auto n_classes = static_cast<std::size_t>(header[2]);
  const data::Task task = n_classes == 0   ? data::Task::kRegression
                          : n_classes == 2 ? data::Task::kBinary
                                           : data::Task::kMulticlass;
  const data::TargetView y{task, values, {}, n_classes};
  std::vector<std::uint32_t> rows(n_rows);
  std::iota(rows.begin(), rows.end(), 0U);
  const auto n_threads = static_cast<std::size_t>(std::atoi(argv[2]));
  ThreadPool pool(n_threads);
  Context context;
  context.pool = &pool;
  context.n_threads = n_threads;
  const std::string work = argv[3];
  double best = 1e9;
  for (int i = 0; i < std::atoi(argv[4]); ++i)
    best = std::min(best, seconds_of([&] {
             if (work == "smote") {
               transform::make_resampler("smote")->resample(x, rows, y, context);
             } else if (work == "pca") {
               const auto step = transform::make_transformer("pca", {{"n_components", std::int64_t{20}}});
               step->fit_transform(x, rows, y, x.names(), context);
             } else {
               transform::make_transformer(work)->fit(x, rows, y, x.names(), context);
             }
           }));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"seconds\": %.6f, \"peak_mb\": %ld}\n", best, usage.ru_maxrss / 1024);
}
