// Serves a LightGBM text model through infer::PackedForest and times it; forests_vs_peers.py calls it.
//   forest_bench kernels MODEL
//   forest_bench rows MODEL ROWS.f32 N_COLUMNS N_THREADS PREDICTIONS.f64
//   forest_bench one MODEL ROWS.f32 N_COLUMNS [lightgbm=LIBRARY] [lleaves=LIBRARY]
// "one" also times the peers' own C functions, turn by turn in the same process: LightGBM's fast call for a single row
// and the function that lleaves compiled.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "kolosal/core/thread_pool.hpp"
#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/model/lightgbm_text.hpp"

using namespace kolosal;

namespace {

double wall_ns() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double cpu_ns() {
  std::timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e9 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec);
}

std::string read_all(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

model::Forest load(const char* path) {
  const std::string text = read_all(path);
  model::Forest forest = model::forest_from_lightgbm(text);
  if (text.find("objective=binary") != std::string::npos) forest.link = model::Link::kSigmoid;
  return forest;
}

std::vector<float> load_rows(const char* path) {
  const std::string bytes = read_all(path);
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

int kernels(const char* path) {
  const model::Forest forest = load(path);
  const double start = wall_ns();
  const infer::PackedForest packed(forest);
  std::printf("packed in %.2f ms\n", (wall_ns() - start) * 1e-6);
  for (const infer::KernelTiming& timing : packed.timings())
    for (const auto& entry : timing.entries)
      std::printf("%zu rows %s %.0f ns a row\n", timing.n_rows,
                  std::string(infer::kernel_name(entry.kernel)).c_str(), entry.ns_per_row);
  return 0;
}

int many_rows(char** argv) {
  const model::Forest forest = load(argv[2]);
  const std::vector<float> rows = load_rows(argv[3]);
  const auto n_columns = static_cast<std::size_t>(std::stoul(argv[4]));
  Context context;
  ThreadPool pool(std::stoul(argv[5]));
  context.pool = &pool;
  context.n_threads = std::stoul(argv[5]);
  const infer::PackedForest packed(forest);
  const std::size_t n_rows = rows.size() / n_columns;
  std::vector<double> out(n_rows * packed.n_outputs());
  double best_wall = 1e300, best_cpu = 1e300;
  const double until = wall_ns() + 3e9;
  for (int repeat = 0; repeat < 3 || (wall_ns() < until && repeat < 100); ++repeat) {
    const double wall = wall_ns(), cpu = cpu_ns();
    packed.predict(rows.data(), n_rows, n_columns, out, context);
    best_cpu = std::min(best_cpu, cpu_ns() - cpu);
    best_wall = std::min(best_wall, wall_ns() - wall);
  }
  std::ofstream(argv[6], std::ios::binary)
      .write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(double)));
  const auto n = static_cast<double>(n_rows);
  std::printf("{\"kernel\": \"%s\", \"rows_s\": %.0f, \"rows_cpu_s\": %.0f}\n",
              std::string(infer::kernel_name(packed.kernel_for(n_rows))).c_str(), n / best_wall * 1e9,
              n / best_cpu * 1e9);
  return 0;
}

using OneRow = std::function<double(const float*)>;

template <typename Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

OneRow lightgbm_row(const char* library, const char* model, std::size_t n_columns) {
  void* const handle = dlopen(library, RTLD_NOW);
  void* booster = nullptr;
  void* config = nullptr;
  int n_rounds = 0;
  symbol<int (*)(const char*, int*, void**)>(handle, "LGBM_BoosterCreateFromModelfile")(model, &n_rounds, &booster);
  symbol<int (*)(void*, int, int, int, int, int, const char*, void**)>(
      handle, "LGBM_BoosterPredictForMatSingleRowFastInit")(booster, 0, 0, -1, 0, static_cast<int>(n_columns),
                                                             "num_threads=1", &config);
  const auto predict = symbol<int (*)(void*, const void*, std::int64_t*, double*)>(
      handle, "LGBM_BoosterPredictForMatSingleRowFast");
  return [=](const float* row) {
    std::int64_t length = 0;
    double out = 0;
    predict(config, row, &length, &out);
    return out;
  };
}

OneRow lleaves_row(const char* library, std::size_t n_columns) {
  const auto root = symbol<void (*)(double*, double*, int, int)>(dlopen(library, RTLD_NOW), "forest_root");
  return [=, row64 = std::vector<double>(n_columns)](const float* row) mutable {
    std::copy_n(row, n_columns, row64.begin());
    double out = 0;
    root(row64.data(), &out, 0, 1);
    return out;
  };
}

int one_row(int argc, char** argv) {
  const model::Forest forest = load(argv[2]);
  const std::vector<float> rows = load_rows(argv[3]);
  const auto n_columns = static_cast<std::size_t>(std::stoul(argv[4]));
  const infer::PackedForest packed(forest);
  infer::ForestScratch scratch;
  std::vector<std::pair<std::string, OneRow>> engines;
  const std::string kernel(infer::kernel_name(packed.kernel_for(1)));
  engines.emplace_back("kolosal (" + kernel + ")", [&](const float* row) {
    double out = 0;
    packed.predict_row(row, std::span(&out, 1), scratch);
    return out;
  });
  for (int i = 5; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("lightgbm="))
      engines.emplace_back("lightgbm", lightgbm_row(argument.c_str() + 9, argv[2], n_columns));
    if (argument.starts_with("lleaves="))
      engines.emplace_back("lleaves", lleaves_row(argument.c_str() + 8, n_columns));
  }
  // Rounds of 1,000 rows by turns: what disturbs the machine disturbs all.
  constexpr std::size_t kRounds = 20, kRowsOfRound = 1000;
  std::vector<std::vector<double>> times(engines.size());
  std::vector<double> sums(engines.size());
  const std::size_t n_rows = rows.size() / n_columns;
  for (std::size_t round = 0; round < kRounds; ++round)
    for (std::size_t e = 0; e < engines.size(); ++e)
      for (std::size_t i = 0; i < kRowsOfRound; ++i) {
        const float* const row = rows.data() + (round * kRowsOfRound + i) % n_rows * n_columns;
        const double start = wall_ns();
        sums[e] += engines[e].second(row);
        times[e].push_back(wall_ns() - start);
      }
  std::vector<double> nothing;
  for (int i = 0; i < 20000; ++i) {
    const double start = wall_ns();
    nothing.push_back(wall_ns() - start);
  }
  std::ranges::sort(nothing);
  std::printf("{\"clock_ns\": %.0f", nothing[nothing.size() / 2]);
  for (std::size_t e = 0; e < engines.size(); ++e) {
    std::ranges::sort(times[e]);
    std::printf(", \"%s\": {\"p50_ns\": %.0f, \"p99_ns\": %.0f, \"mean\": %.9g}", engines[e].first.c_str(),
                times[e][times[e].size() / 2], times[e][times[e].size() * 99 / 100],
                sums[e] / (kRounds * kRowsOfRound));
  }
  std::printf("}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "kernels" && argc == 3) return kernels(argv[2]);
  if (what == "rows" && argc == 7) return many_rows(argv);
  if (what == "one" && argc >= 5) return one_row(argc, argv);
  std::fprintf(stderr, "usage: see the first lines of forest_bench.cpp\n");
  return 2;
}
