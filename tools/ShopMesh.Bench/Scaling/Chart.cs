using System.Globalization;
using System.Net;
using System.Text;

namespace ShopMesh.Bench.Scaling;

/// <param name="Name">Empty for one that the legend leaves out.</param>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    public bool IsDashed { get; init; }
}

/// <summary>Curves over two axes that begin at zero, as SVG.</summary>
internal sealed record Chart(string X, string Y, IReadOnlyList<Series> Series)
{
    private const int Width = 520;
    private const int Height = 300;
    private const int Left = 60;
    private const int Bottom = 40;
    private const int Top = 14;

    /// <summary>Told apart also by who sees no red or green (Okabe and Ito).</summary>
    private static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

    private static readonly double[] Steps = [1, 2, 4, 5, 8, 10];

    /// <summary>Whether the vertical axis has powers of ten, from 1.</summary>
    public bool IsLogarithmic { get; init; }

    public string ToSvg()
    {
        var points = Series.SelectMany(series => series.Points).ToList();
        var (right, up) = (Ceiling(points.Select(point => point.X)), IsLogarithmic ? Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(10, points.Select(point => point.Y).DefaultIfEmpty().Max())))) : Ceiling(points.Select(point => point.Y)));
        var svg = new StringBuilder();
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" font-family=\"system-ui, sans-serif\" font-size=\"11\">");
        for (var tick = 0; tick <= 4; tick++)
        {
            var x = right * tick / 4;
            Add($"<text x=\"{AtX(x):0.#}\" y=\"{Height - Bottom + 16}\" text-anchor=\"middle\">{x:0.##}</text>");
        }

        foreach (var y in IsLogarithmic ? Enumerable.Range(0, (int)Math.Log10(up) + 1).Select(power => Math.Pow(10, power)) : Enumerable.Range(0, 5).Select(tick => up * tick / 4))
        {
            Add($"<line x1=\"{Left}\" x2=\"{Width - 10}\" y1=\"{AtY(y):0.#}\" y2=\"{AtY(y):0.#}\" stroke=\"#8884\"/>");
            Add($"<text x=\"{Left - 6}\" y=\"{AtY(y) + 4:0.#}\" text-anchor=\"end\">{y:0.##}</text>");
        }

        Add($"<text x=\"{Width - 10}\" y=\"{Height - 6}\" text-anchor=\"end\">{WebUtility.HtmlEncode(X)}</text><text x=\"{Left - 50}\" y=\"{Top - 4}\">{WebUtility.HtmlEncode(Y)}</text>");
        // A dashed one has the colour of the full one with its place.
        var (full, dashed, named) = (0, 0, 0);
        foreach (var series in Series)
        {
            var colour = Colours[(series.IsDashed ? dashed++ : full++) % Colours.Length];
            var dashes = series.IsDashed ? " stroke-dasharray=\"5 4\"" : "";
            var path = string.Join(' ', series.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{AtX(point.X):0.#},{AtY(point.Y):0.#}")));
            Add($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>");
            if (!series.IsDashed && series.Points.Count <= 40)
                svg.AppendJoin("", series.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"<circle cx=\"{AtX(point.X):0.#}\" cy=\"{AtY(point.Y):0.#}\" r=\"3\" fill=\"{colour}\"/>")));
            if (series.Name.Length > 0)
            {
                var y = Top + 10 + (16 * named++);
                Add($"<line x1=\"{Left + 12}\" x2=\"{Left + 32}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/><text x=\"{Left + 38}\" y=\"{y + 4}\">{WebUtility.HtmlEncode(series.Name)}</text>");
            }
        }

        return svg.Append("</svg>").ToString();

        double AtX(double x) => Left + (x / right * (Width - Left - 10));

        double AtY(double y) => Height - Bottom - ((IsLogarithmic ? Math.Log10(Math.Max(1, y)) / Math.Log10(up) : y / up) * (Height - Bottom - Top));

        void Add(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A round number that is no less than any of them: 1, 2 or 5 times a power of ten, or 4 or 8 times.</summary>
    private static double Ceiling(IEnumerable<double> values)
    {
        var most = values.DefaultIfEmpty().Max();
        if (most <= 0)
            return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(most)));
        return Steps.Select(step => step * power).First(step => step >= most);
    }
}
