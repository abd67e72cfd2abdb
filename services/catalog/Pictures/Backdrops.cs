using System.Globalization;
using System.Text;

namespace ShopMesh.Catalog.Pictures;

/// <summary>What is behind the motif: a sun, an arch, hills, rings or confetti.</summary>
internal static class Backdrops
{
    public static void Draw(StringBuilder svg, Dice dice, Palette colours)
    {
        var c = CultureInfo.InvariantCulture;
        switch (dice.Next(5))
        {
            case 0:
                svg.Append(c, $"""<circle cx="{dice.Between(150, 250)}" cy="{dice.Between(160, 200)}" r="{dice.Between(110, 140)}" fill="{colours.Light}" opacity=".75"/>""");
                break;
            case 1:
                var half = dice.Between(95, 125);
                svg.Append(c, $"""<path d="M{200 - half} 400V{dice.Between(170, 200)}a{half} {half} 0 0 1 {2 * half} 0V400z" fill="{colours.Light}" opacity=".7"/>""");
                break;
            case 2:
                svg.Append(c, $"""<path d="M0 {dice.Between(250, 300)}Q{dice.Between(80, 140)} {dice.Between(190, 230)} 230 280T400 {dice.Between(230, 270)}V400H0z" fill="{colours.Light}" opacity=".65"/>""");
                break;
            case 3:
                var (x, y) = (dice.Between(140, 260), dice.Between(150, 210));
                foreach (var radius in new[] { 60, 100, 140 })
                    svg.Append(c, $"""<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{colours.Light}" stroke-width="14" opacity=".6"/>""");
                break;
            default:
                for (var i = 0; i < 16; i++)
                    svg.Append(c, $"""<circle cx="{dice.Between(20, 380)}" cy="{dice.Between(20, 300)}" r="{dice.Between(4, 12)}" fill="{(dice.Chance() ? colours.Light : colours.Accent)}" opacity=".5"/>""");
                break;
        }
    }
}
