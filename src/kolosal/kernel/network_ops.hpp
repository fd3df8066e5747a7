#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// What neural networks do besides matrix products, on float32 matrices of n_rows x width without gaps. Sums
// over rows are running sums in the order of the rows; arrays must not overlap unless a comment says so.

/// out[i] = exp(x[i]), relative error below 2e-7; x is cut to [-87, 87]. x and out may be the same.
void exp(const float* x, float* out, std::size_t n);

/// out[i] = sin(2 pi x[i]) and cos(2 pi x[i]), absolute error below 3e-7 for |x| < 2^20.
void sine_cosine(const float* x, float* sine, float* cosine, std::size_t n);

/// y[i] += alpha * x[i]
void axpy(float alpha, const float* x, float* y, std::size_t n);

/// sum[j] += x[i, j]
void add_rows(const float* x, std::size_t n_rows, std::size_t width, float* sum);
/// sum[j] += (x[i, j] - centre[j])^2
void add_squared_rows(const float* x, const float* centre, std::size_t n_rows, std::size_t width, float* sum);
/// sum[j] += x[i, j] * y[i, j]
void add_row_products(const float* x, const float* y, std::size_t n_rows, std::size_t width, float* sum);

/// x[i, j] = (x[i, j] - centre[j]) * factor[j]
void shift_scale_rows(const float* centre, const float* factor, std::size_t n_rows, std::size_t width,
                      float* x);

/// Scales each row to mean 0 and variance 1 (+ epsilon); inverse[i] is the factor of row i.
void normalize_rows(float epsilon, std::size_t n_rows, std::size_t width, float* x, float* inverse);

/// Drops numbers at random: number i of a matrix is dropped when the hash of key and i is below threshold.
struct Dropout {
  std::uint32_t threshold = 0;  ///< Share that is dropped times 2^32; 0: none.
  std::uint32_t key = 0;
  float factor = 1;  ///< Of the numbers that stay.
};

/// out = z * sigmoid(z) of z = x[i, j] * factor[j] + shift[j] (the SiLU of Elfwing, Uchibe and Doya, 2018).
void silu_rows(const float* x, const float* factor, const float* shift, std::size_t n_rows, std::size_t width,
               float* out);
/// The same with dropout, and its derivative by z. first_row: of the matrix that the dropout counts in.
void silu_rows(const float* x, const float* factor, const float* shift, const Dropout& dropout,
               std::size_t first_row, std::size_t n_rows, std::size_t width, float* out, float* derivative);

/// g[i] *= d[i]
void multiply(const float* d, std::size_t n, float* g);

/// Gradient through a normalization over rows: g[i, j] = factor[j] * (g[i, j] - mean_g[j] - x[i, j] *
/// mean_gx[j]).
void unnormalize_columns(const float* x, const float* factor, const float* mean_g, const float* mean_gx,
                         std::size_t n_rows, std::size_t width, float* g);
/// Gradient through normalize_rows() and the factors after it: with h = g[i, j] * factor[j], g[i, j] =
/// inverse[i] * (h - mean of h - x[i, j] * mean of h x).
void unnormalize_rows(const float* x, const float* factor, const float* inverse, std::size_t n_rows,
                      std::size_t width, float* g);

/// One step of AdamW (Loshchilov and Hutter, 2019) with the usual averages 0.9 and 0.999.
struct AdamwStep {
  float rate;         ///< Learning rate divided by 1 - 0.9^t.
  float root_factor;  ///< 1 / sqrt(1 - 0.999^t)
  float keep;         ///< 1 - learning rate * weight decay
};
void adamw(const AdamwStep& step, const float* gradient, std::size_t n, float* mean, float* square,
           float* parameters);

}  // namespace kolosal::kernel
