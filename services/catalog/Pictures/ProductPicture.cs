using System.Buffers.Binary;
using System.Globalization;
using System.Security;
using System.Text;

namespace ShopMesh.Catalog.Pictures;

/// <summary>
/// Draws a product's picture, an SVG of 400 × 400: a motif of its category on a soft ground. Palette, motif, proportions and
/// ornament follow from the product's id, so that it always looks the same and like no other.
/// </summary>
internal static class ProductPicture
{
    public static string Draw(Guid productId, string category, string name)
    {
        var dice = new Dice(productId);
        var palette = Palette.All[dice.Next(Palette.All.Length)];
        var svg = new StringBuilder(2048);
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img"><title>{SecurityElement.Escape(name)}</title>
            <defs><linearGradient id="g" x1="0" y1="0" x2="{dice.Between(0.2, 1)}" y2="1"><stop offset="0" stop-color="{palette.Light}"/><stop offset="1" stop-color="{palette.Ground}"/></linearGradient></defs>
            <rect width="400" height="400" fill="url(#g)"/>
            """);
        Backdrops.Draw(svg, dice, palette);
        var ground = dice.Between(322, 334);
        svg.Append(CultureInfo.InvariantCulture, $"""<ellipse cx="200" cy="{ground}" rx="{dice.Between(105, 130)}" ry="{dice.Between(9, 14)}" fill="{palette.Dark}" opacity=".18"/>""");
        svg.Append(CultureInfo.InvariantCulture, $"""<g transform="translate(200 {ground}) scale({dice.Between(0.92, 1.08)} {dice.Between(0.92, 1.08)})">""");
        Motifs.Of(category, dice)(svg, dice, palette);
        return svg.Append("</g></svg>").ToString();
    }
}

/// <summary>The colours of a picture, from the lightest to the darkest.</summary>
internal sealed record Palette(string Light, string Ground, string Accent, string Main, string Dark)
{
    public static readonly Palette[] All =
    [
        new("#fdf3e7", "#f6d9b8", "#e8a04c", "#c8553d", "#5b2a2a"),
        new("#eef6f3", "#bfe0d6", "#f2b84b", "#2f7f79", "#17403f"),
        new("#f3f0fb", "#d3c8ee", "#f29e8e", "#6b5ca5", "#2f2754"),
        new("#eaf3fb", "#b9d6ee", "#f4c95d", "#2f6690", "#16324a"),
        new("#fbeff0", "#efc3c8", "#84a98c", "#a4475a", "#47202b"),
        new("#f5f7e8", "#d6e2ac", "#e07a5f", "#5f7f3b", "#2c3d1c"),
        new("#f7f3ee", "#dccdbb", "#7fb0a8", "#8a5a3c", "#3d2618"),
        new("#eef1f5", "#c5cfdc", "#ef8354", "#4f5d75", "#23293a"),
        new("#fff4e0", "#ffd9a0", "#5fa8a0", "#d1793b", "#5a3216"),
        new("#e9f7f8", "#aedfe3", "#f27f6b", "#1f7a8c", "#0f3640"),
        new("#faf0f7", "#e6c0dd", "#f0b429", "#8f4a86", "#3c1f3a"),
        new("#f1f5ea", "#c9d8b6", "#d9a441", "#3f6f5c", "#1d382d"),
    ];
}

/// <summary>Numbers that follow from an id alone, on every machine and in every version (SplitMix64).</summary>
internal sealed class Dice
{
    private ulong _state;

    public Dice(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes);
        _state = BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) * 0x9E3779B97F4A7C15);
    }

    public int Next(int count) => (int)(Roll() % (ulong)count);

    /// <summary>In hundredths, so that the numbers stay short.</summary>
    public double Between(double low, double high) => Math.Round(low + ((high - low) * (Roll() >> 11) / (1UL << 53)), 2);

    public bool Chance() => Next(2) == 0;

    private ulong Roll()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
