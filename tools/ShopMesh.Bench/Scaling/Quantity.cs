using System.Globalization;

namespace ShopMesh.Bench.Scaling;

/// <summary>Amounts as Kubernetes writes them.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, double Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("n", 1e-9), ("u", 1e-6), ("m", 1e-3), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12),
    ];

    /// <summary>In cores or bytes: <c>100m</c> is 0.1, <c>64Mi</c> 67,108,864.</summary>
    /// <exception cref="FormatException">It is no quantity.</exception>
    public static double Parse(string text)
    {
        var (suffix, factor) = Suffixes.FirstOrDefault(pair => text.EndsWith(pair.Suffix, StringComparison.Ordinal), ("", 1));
        return double.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number * factor
            : throw new FormatException($"'{text}' is no quantity such as 100m, 0.5 or 64Mi.");
    }
}
