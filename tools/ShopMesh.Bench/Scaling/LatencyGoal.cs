using System.Globalization;
using System.Text.RegularExpressions;

namespace ShopMesh.Bench.Scaling;

/// <summary>How long so many requests may take at most, such as <c>p99&lt;250ms</c>.</summary>
/// <param name="Percentile">50, 90, 99 or 99.9.</param>
internal sealed partial record LatencyGoal(double Percentile, double Milliseconds)
{
    /// <exception cref="FormatException">It is not of the form <c>p99&lt;250ms</c>.</exception>
    public static LatencyGoal Parse(string text) => Form().Match(text) is { Success: true } match
        && double.TryParse(match.Groups[2].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
        ? new(double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[3].ValueSpan is "s" ? 1_000 * number : number)
        : throw new FormatException($"'{text}' is no goal such as p99<250ms: one of p50, p90, p99 and p99.9, and a time in ms or s.");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"p{Percentile} < {Milliseconds:0.#} ms");

    [GeneratedRegex(@"^p(50|90|99|99\.9)\s*<\s*([\d.]+)\s*(ms|s)$")]
    private static partial Regex Form();
}
