using System.Globalization;
using System.Text;

namespace ShopMesh.Catalog.Pictures;

/// <summary>What a picture shows. Each is drawn standing on (0, 0), some 200 wide and 220 high.</summary>
internal static class Motifs
{
    public delegate void Motif(StringBuilder svg, Dice dice, Palette colours);

    private static readonly CultureInfo C = CultureInfo.InvariantCulture;

    private static readonly Dictionary<string, Motif[]> ByCategory = new()
    {
        ["audio"] = [Headphones, Speaker, Turntable, Radio],
        ["bags"] = [Backpack, Suitcase, Tote],
        ["books"] = [Books, Notebook, Pen],
        ["games"] = [Dice6, Pawn, Puzzle],
        ["garden"] = [Plant, WateringCan, Trowel],
        ["kitchen"] = [Pan, Knife, Mug, Board],
        ["lighting"] = [DeskLamp, Pendant, Candle],
        ["outdoor"] = [Tent, Mountains, Lantern],
    };

    private static readonly Motif[] Others = [Box];

    public static Motif Of(string category, Dice dice)
    {
        var motifs = ByCategory.GetValueOrDefault(category, Others);
        return motifs[dice.Next(motifs.Length)];
    }

    private static void Headphones(StringBuilder s, Dice d, Palette p)
    {
        var r = d.Between(82, 98);
        s.Append(C, $"""
            <path d="M{-r} -70V-110a{r} {r} 0 0 1 {2 * r} 0V-70" fill="none" stroke="{p.Dark}" stroke-width="{d.Between(14, 20)}" stroke-linecap="round"/>
            <rect x="{-r - 22}" y="-110" width="46" height="{d.Between(92, 108)}" rx="22" fill="{p.Main}"/><rect x="{r - 24}" y="-110" width="46" height="100" rx="22" fill="{p.Main}"/>
            <rect x="{-r + 10}" y="-96" width="18" height="72" rx="9" fill="{p.Accent}"/><rect x="{r - 28}" y="-96" width="18" height="72" rx="9" fill="{p.Accent}"/>
            """);
    }

    private static void Speaker(StringBuilder s, Dice d, Palette p)
    {
        var (w, r) = (d.Between(120, 150), d.Between(38, 48));
        s.Append(C, $"""
            <rect x="{-w / 2}" y="-220" width="{w}" height="220" rx="{d.Between(8, 26)}" fill="{p.Main}"/><circle cy="-{r + 28}" r="{r}" fill="{p.Dark}"/><circle cy="-{r + 28}" r="{r * 0.55:0.0}" fill="{p.Accent}"/>
            <circle cy="-168" r="{d.Between(18, 26)}" fill="{p.Dark}"/><circle cy="-168" r="9" fill="{p.Light}"/>
            """);
    }

    private static void Turntable(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <rect x="-120" y="-60" width="240" height="48" rx="10" fill="{p.Main}"/><rect x="-100" y="-12" width="24" height="12" fill="{p.Dark}"/><rect x="76" y="-12" width="24" height="12" fill="{p.Dark}"/>
            <ellipse cx="-22" cy="-72" rx="{d.Between(82, 92)}" ry="26" fill="{p.Dark}"/><ellipse cx="-22" cy="-74" rx="56" ry="16" fill="none" stroke="{p.Ground}" stroke-width="2" opacity=".5"/>
            <ellipse cx="-22" cy="-74" rx="26" ry="8" fill="{p.Accent}"/><path d="M96 -64V-112L{d.Between(30, 52)} -88" fill="none" stroke="{p.Dark}" stroke-width="8" stroke-linecap="round" stroke-linejoin="round"/>
            <circle cx="84" cy="-36" r="9" fill="{p.Light}"/><circle cx="56" cy="-36" r="6" fill="{p.Accent}"/>
            """);
    }

    private static void Radio(StringBuilder s, Dice d, Palette p)
    {
        var knob = d.Between(16, 22);
        s.Append(C, $"""
            <path d="M{d.Between(40, 70)} -150L{d.Between(90, 110)} -222" stroke="{p.Dark}" stroke-width="6" stroke-linecap="round"/><rect x="-112" y="-152" width="224" height="152" rx="{d.Between(14, 34)}" fill="{p.Main}"/>
            <circle cx="-46" cy="-76" r="50" fill="{p.Dark}"/><circle cx="-46" cy="-76" r="36" fill="none" stroke="{p.Accent}" stroke-width="6" stroke-dasharray="4 8"/>
            <rect x="26" y="-122" width="66" height="34" rx="6" fill="{p.Light}"/><path d="M{d.Between(36, 82)} -120v30" stroke="{p.Accent}" stroke-width="4"/><circle cx="59" cy="-48" r="{knob}" fill="{p.Accent}"/><path d="M59 -48v-{knob}" stroke="{p.Dark}" stroke-width="4"/>
            """);
    }

    private static void Backpack(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M-30 -196a30 26 0 0 1 60 0" fill="none" stroke="{p.Dark}" stroke-width="12"/><path d="M-84 0V-130a84 {d.Between(66, 80)} 0 0 1 168 0V0a18 18 0 0 1 -18 0H-66a18 18 0 0 1 -18 0z" fill="{p.Main}"/>
            <rect x="-58" y="-{d.Between(84, 96)}" width="116" height="82" rx="18" fill="{p.Accent}"/><path d="M-58 -58H58" stroke="{p.Dark}" stroke-width="5"/><rect x="-9" y="-66" width="18" height="24" rx="5" fill="{p.Dark}"/>
            <path d="M-60 -128H60" stroke="{p.Dark}" stroke-width="6" stroke-linecap="round" opacity=".7"/>
            """);
    }

    private static void Suitcase(StringBuilder s, Dice d, Palette p)
    {
        var lines = d.Next(3) + 2;
        s.Append(C, $"""<path d="M-26 -176V-{d.Between(214, 230)}H26V-176" fill="none" stroke="{p.Dark}" stroke-width="9" stroke-linejoin="round"/><rect x="-78" y="-182" width="156" height="172" rx="{d.Between(14, 28)}" fill="{p.Main}"/><circle cx="-50" cy="-6" r="9" fill="{p.Dark}"/><circle cx="50" cy="-6" r="9" fill="{p.Dark}"/>""");
        for (var i = 1; i <= lines; i++)
            s.Append(C, $"""<path d="M{-78 + (i * 156 / (lines + 1))} -164V-28" stroke="{p.Dark}" stroke-width="5" stroke-linecap="round" opacity=".35"/>""");
        s.Append(C, $"""<rect x="-20" y="-112" width="40" height="{d.Between(22, 34)}" rx="6" fill="{p.Accent}"/>""");
    }

    private static void Tote(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M-44 -140C-44 -{d.Between(220, 240)} 44 -{d.Between(220, 240)} 44 -140" fill="none" stroke="{p.Dark}" stroke-width="12"/><path d="M-96 -150H96L{d.Between(78, 90)} 0H-{d.Between(78, 90)}z" fill="{p.Main}"/>
            <circle cy="-74" r="{d.Between(26, 38)}" fill="{p.Accent}"/><path d="M-24 -74h48M0 -98v48" stroke="{p.Light}" stroke-width="6" stroke-linecap="round" transform="rotate({d.Next(90)} 0 -74)"/>
            """);
    }

    private static void Books(StringBuilder s, Dice d, Palette p)
    {
        string[] colours = [p.Main, p.Accent, p.Dark, p.Main, p.Accent];
        var y = 0.0;
        for (var i = 0; i < 3 + d.Next(3); i++)
        {
            var (h, w, x) = (d.Between(28, 46), d.Between(150, 210), d.Between(-10, 10));
            y -= h;
            s.Append(C, $"""<g transform="translate({x} {y})"><rect x="{-w / 2}" width="{w}" height="{h}" rx="6" fill="{colours[i]}"/><rect x="{(w / 2) - 16}" y="5" width="16" height="{h - 10}" fill="{p.Light}"/><path d="M{(-w / 2) + 20} 0v{h}" stroke="{p.Light}" stroke-width="4" opacity=".6"/></g>""");
        }
    }

    private static void Notebook(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <g transform="rotate({d.Between(-9, 9)} 0 -100)"><rect x="-74" y="-206" width="156" height="200" rx="10" fill="{p.Light}"/><rect x="-80" y="-210" width="152" height="204" rx="12" fill="{p.Main}"/><path d="M-52 -210v204" stroke="{p.Dark}" stroke-width="8" opacity=".4"/>
            <rect x="-28" y="-{d.Between(150, 176)}" width="76" height="44" rx="6" fill="{p.Light}"/><path d="M-16 -136h52M-16 -148h36" stroke="{p.Dark}" stroke-width="4" opacity=".5"/><path d="M{d.Between(36, 56)} -210v204" stroke="{p.Accent}" stroke-width="9"/></g>
            """);
    }

    private static void Pen(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M-120 -6h{d.Between(170, 230)}" stroke="{p.Dark}" stroke-width="4" stroke-dasharray="{d.Next(30) + 20} 10" opacity=".5"/><g transform="translate(-60 -8) rotate({d.Between(36, 52)})"><path d="M0 0L-15 -46H15z" fill="{p.Dark}"/><path d="M0 -4V-30" stroke="{p.Light}" stroke-width="3"/>
            <rect x="-17" y="-{d.Between(176, 190)}" width="34" height="136" rx="6" fill="{p.Main}"/><rect x="-17" y="-96" width="34" height="12" fill="{p.Accent}"/><rect x="-17" y="-244" width="34" height="72" rx="16" fill="{p.Accent}"/><path d="M12 -230v70" stroke="{p.Dark}" stroke-width="6" stroke-linecap="round"/></g>
            """);
    }

    private static void Dice6(StringBuilder s, Dice d, Palette p)
    {
        void Die(double x, double size, double turn, string colour, int pips)
        {
            s.Append(C, $"""<g transform="translate({x} {-size / 2}) rotate({turn})"><rect x="{-size / 2}" y="{-size / 2}" width="{size}" height="{size}" rx="{size / 6:0.0}" fill="{colour}"/>""");
            (double X, double Y)[] places = [(0, 0), (-.27, -.27), (.27, .27), (.27, -.27), (-.27, .27), (-.27, 0)];
            foreach (var (px, py) in places.Take(pips))
                s.Append(C, $"""<circle cx="{px * size:0.0}" cy="{py * size:0.0}" r="{size * .08:0.0}" fill="{p.Light}"/>""");
            s.Append("</g>");
        }

        Die(-52, d.Between(100, 124), d.Between(-9, 4), p.Main, d.Next(6) + 1);
        Die(66, d.Between(76, 96), d.Between(2, 16), p.Accent, d.Next(6) + 1);
        if (d.Chance())
            Die(d.Between(-8, 12), 56, d.Between(-20, 20), p.Dark, d.Next(3) + 1);
    }

    private static void Pawn(StringBuilder s, Dice d, Palette p)
    {
        void One(double x, double scale, string colour) => s.Append(C, $"""<g transform="translate({x} 0) scale({scale})"><path d="M-52 0C-52 -40 -18 -50 -22 -120H22C18 -50 52 -40 52 0z" fill="{colour}"/><ellipse cy="-120" rx="34" ry="10" fill="{p.Dark}"/><circle cy="-158" r="36" fill="{colour}"/><circle cx="-10" cy="-168" r="9" fill="{p.Light}" opacity=".5"/></g>""");

        One(d.Between(-72, -52), d.Between(0.72, 0.86), p.Accent);
        if (d.Chance())
            One(d.Between(78, 92), d.Between(0.55, 0.66), p.Dark);
        One(d.Between(18, 34), d.Between(1, 1.12), p.Main);
    }

    private static void Puzzle(StringBuilder s, Dice d, Palette p)
    {
        void Piece(double x, double y, double turn, string colour) => s.Append(C, $"""<path transform="translate({x} {y}) rotate({turn})" d="M-50 -50H-16a18 18 0 1 1 32 0H50V-16a18 18 0 1 1 0 32V50H-50z" fill="{colour}"/>""");

        Piece(-50, -52, d.Between(-4, 4), p.Main);
        Piece(d.Between(58, 70), -52, d.Between(80, 100), p.Accent);
        Piece(d.Between(-60, -40), -158, d.Between(170, 190), p.Accent);
        Piece(d.Between(62, 84), -d.Between(168, 190), d.Between(8, 40), p.Dark);
    }

    private static void Plant(StringBuilder s, Dice d, Palette p)
    {
        var leaves = 5 + d.Next(4);
        for (var i = 0; i < leaves; i++)
        {
            var angle = -66 + (i * 132.0 / (leaves - 1)) + d.Between(-6, 6);
            s.Append(C, $"""<path transform="translate(0 -86) rotate({angle:0.0})" d="M0 0C-{d.Between(20, 32)} -50 -14 -110 0 -{d.Between(112, 136)}C14 -110 {d.Between(20, 32)} -50 0 0z" fill="{(i % 2 == 0 ? p.Main : p.Accent)}"/>""");
        }

        s.Append(C, $"""<path d="M-66 -92H66L{d.Between(42, 54)} 0H-{d.Between(42, 54)}z" fill="{p.Dark}"/><rect x="-74" y="-104" width="148" height="24" rx="6" fill="{p.Dark}"/><path d="M-52 -52H52" stroke="{p.Ground}" stroke-width="6" stroke-dasharray="{d.Next(14) + 6} 8"/>""");
    }

    private static void WateringCan(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M62 -50L{d.Between(112, 124)} -150" stroke="{p.Main}" stroke-width="18" stroke-linecap="round"/><path d="M98 -160l44 18" stroke="{p.Accent}" stroke-width="16" stroke-linecap="round"/>
            <path d="M-58 -120C-{d.Between(120, 140)} -120 -{d.Between(120, 140)} -26 -64 -26" fill="none" stroke="{p.Dark}" stroke-width="14"/><path d="M-70 -132H62L{d.Between(70, 82)} 0H-{d.Between(70, 82)}z" fill="{p.Main}"/><path d="M-36 -132C-36 -196 34 -196 34 -132" fill="none" stroke="{p.Dark}" stroke-width="12"/>
            <path d="M-74 -40H72" stroke="{p.Accent}" stroke-width="{d.Between(8, 18)}"/>
            """);
        for (var i = 0; i < 3; i++)
            s.Append(C, $"""<circle cx="{d.Between(118, 150)}" cy="-{d.Between(40, 120)}" r="5" fill="{p.Accent}"/>""");
    }

    private static void Trowel(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M-110 0C-90 -{d.Between(38, 60)} 90 -{d.Between(38, 60)} 110 0z" fill="{p.Dark}" opacity=".85"/><g transform="rotate({d.Between(-16, 16)} 0 -30)"><path d="M-36 -96H36V-58C36 -20 0 0 0 0S-36 -20 -36 -58z" fill="{p.Main}"/><path d="M0 -96V-140" stroke="{p.Dark}" stroke-width="12"/>
            <rect x="-15" y="-{d.Between(216, 230)}" width="30" height="86" rx="15" fill="{p.Accent}"/></g><path d="M{d.Between(56, 80)} -26v-34m0 8c16 -2 20 -14 20 -22c-12 0 -20 8 -20 22m0 10c-14 -2 -18 -10 -18 -18c10 0 18 6 18 18" stroke="{p.Main}" stroke-width="4" fill="{p.Main}"/>
            """);
    }

    private static void Pan(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <rect x="62" y="-{d.Between(62, 78)}" width="112" height="18" rx="9" fill="{p.Dark}" transform="rotate(-{d.Between(2, 14)} 62 -60)"/><path d="M-112 -84H84L{d.Between(60, 72)} 0H-{d.Between(86, 98)}z" fill="{p.Main}"/><ellipse cx="-14" cy="-84" rx="98" ry="20" fill="{p.Dark}"/><ellipse cx="-14" cy="-82" rx="82" ry="14" fill="{p.Accent}"/>
            """);
        for (var i = 0; i < 2 + d.Next(2); i++)
            s.Append(C, $"""<path d="M{d.Between(-70, 40)} -112c-12 -18 12 -26 0 -{d.Between(44, 60)}" stroke="{p.Dark}" stroke-width="6" fill="none" stroke-linecap="round" opacity=".35"/>""");
    }

    private static void Knife(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <g transform="rotate({d.Between(-34, -22)} 0 -90)"><path d="M-128 -96H34V-56H-40C-92 -56 -124 -78 -128 -96z" fill="{p.Light}" stroke="{p.Dark}" stroke-width="4"/><path d="M-104 -84H30" stroke="{p.Ground}" stroke-width="5"/><rect x="34" y="-104" width="{d.Between(92, 112)}" height="36" rx="14" fill="{p.Main}"/><circle cx="62" cy="-86" r="5" fill="{p.Light}"/><circle cx="98" cy="-86" r="5" fill="{p.Light}"/></g>
            <rect x="-110" y="-18" width="220" height="18" rx="8" fill="{p.Accent}"/><circle cx="{d.Between(-70, -40)}" cy="-36" r="{d.Between(16, 22)}" fill="{p.Main}"/><path d="M-56 -56q6 -14 18 -12" stroke="{p.Dark}" stroke-width="5" fill="none"/>
            """);
    }

    private static void Mug(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""
            <path d="M62 -126h22a38 38 0 0 1 0 76H62" fill="none" stroke="{p.Dark}" stroke-width="15"/><path d="M-78 -150H74V-{d.Between(26, 40)}a34 34 0 0 1 -34 34H-44a34 34 0 0 1 -34 -34z" fill="{p.Main}"/><ellipse cx="-2" cy="-150" rx="76" ry="15" fill="{p.Dark}"/>
            <path d="M-78 -{d.Between(92, 108)}H74v{d.Between(18, 34)}H-78z" fill="{p.Accent}"/><path d="M-24 -178c-14 -16 14 -26 0 -44M22 -178c-14 -16 14 -26 0 -44" stroke="{p.Dark}" stroke-width="6" fill="none" stroke-linecap="round" opacity=".35"/>
            """);
    }

    private static void Board(StringBuilder s, Dice d, Palette p)
    {
        s.Append(C, $"""<g transform="rotate({d.Between(-6, 8)} 0 -100)"><rect x="-22" y="-232" width="44" height="60" rx="18" fill="{p.Main}"/><circle cy="-212" r="9" fill="{p.Light}"/><rect x="-84" y="-188" width="168" height="184" rx="{d.Between(16, 30)}" fill="{p.Main}"/>""");
        for (var i = 0; i < 4; i++)
            s.Append(C, $"""<path d="M-66 -{36 + (i * 36)}q{d.Between(30, 60)} -{d.Between(6, 18)} 132 0" fill="none" stroke="{p.Dark}" stroke-width="4" opacity=".3"/>""");
        s.Append(C, $"""</g><ellipse cx="{d.Between(-40, 40)}" cy="-{d.Between(48, 90)}" rx="30" ry="24" fill="{p.Accent}"/><path d="M0 -120q10 -16 26 -12" stroke="{p.Dark}" stroke-width="5" fill="none"/>""");
    }

    private static void DeskLamp(StringBuilder s, Dice d, Palette p)
    {
        var (ex, ey) = (d.Between(-62, -40), -d.Between(98, 116));
        s.Append(C, $"""
            <path d="M40 -184L130 0H-20z" fill="{p.Accent}" opacity=".35"/><ellipse cx="-36" cy="-8" rx="58" ry="12" fill="{p.Dark}"/><path d="M-36 -12L{ex} {ey}L38 -186" fill="none" stroke="{p.Dark}" stroke-width="10" stroke-linejoin="round"/><circle cx="{ex}" cy="{ey}" r="11" fill="{p.Accent}"/>
            <path d="M10 -206L66 -{d.Between(206, 216)}L92 -150L18 -140z" fill="{p.Main}" transform="rotate({d.Between(-6, 12)} 40 -180)"/><ellipse cx="56" cy="-146" rx="37" ry="9" fill="{p.Light}"/>
            """);
    }

    private static void Pendant(StringBuilder s, Dice d, Palette p)
    {
        var w = d.Between(84, 112);
        s.Append(C, $"""
            <path d="M0 -330V-206" stroke="{p.Dark}" stroke-width="5"/><path d="M-{w} -96L-130 0H130L{w} -96z" fill="{p.Accent}" opacity=".3"/><path d="M-{w} -96C-{w} -{d.Between(170, 200)} -26 -206 0 -206S{w} -{d.Between(170, 200)} {w} -96z" fill="{p.Main}"/><ellipse cy="-96" rx="{w}" ry="13" fill="{p.Dark}"/><circle cy="-88" r="{d.Between(18, 25)}" fill="{p.Light}"/>
            <path d="M-{w * 0.8:0.0} -128H{w * 0.8:0.0}" stroke="{p.Accent}" stroke-width="{d.Between(5, 12)}"/>
            """);
    }

    private static void Candle(StringBuilder s, Dice d, Palette p)
    {
        void One(double x, double h, string colour) => s.Append(C, $"""<circle cx="{x}" cy="{-h - 40}" r="34" fill="{p.Light}" opacity=".6"/><rect x="{x - 24}" y="{-h}" width="48" height="{h}" rx="7" fill="{colour}"/><path d="M{x} {-h}v-16" stroke="{p.Dark}" stroke-width="4"/><path d="M{x} {-h - 60}c16 22 12 44 0 44s-16 -22 0 -44" fill="{p.Accent}"/>""");

        One(-66, d.Between(84, 120), p.Main);
        One(d.Between(-6, 4), d.Between(130, 160), p.Dark);
        One(66, d.Between(56, 96), p.Main);
    }

    private static void Tent(StringBuilder s, Dice d, Palette p)
    {
        var top = d.Between(160, 186);
        s.Append(C, $"""
            <path d="M-130 0L0 -{top}L130 0z" fill="{p.Main}"/><path d="M0 -{top}L130 0H46z" fill="{p.Dark}" opacity=".35"/><path d="M-{d.Between(34, 46)} 0L0 -{d.Between(96, 116)}L40 0z" fill="{p.Dark}"/><path d="M0 -{d.Between(96, 116)}L40 0H24z" fill="{p.Accent}"/><path d="M0 -{top}v-22l26 9l-26 9" fill="{p.Accent}" stroke="{p.Dark}" stroke-width="3"/>
            <path d="M-130 0l-22 4M130 0l22 4" stroke="{p.Dark}" stroke-width="4"/>
            """);
    }

    private static void Mountains(StringBuilder s, Dice d, Palette p)
    {
        var (a, b) = (d.Between(150, 178), d.Between(196, 224));
        s.Append(C, $"""
            <circle cx="{d.Between(-90, -60)}" cy="-{d.Between(190, 214)}" r="26" fill="{p.Accent}"/><path d="M-140 0L-50 -{a}L40 0z" fill="{p.Main}"/><path d="M-50 -{a}l-24 {a * 0.27:0.0}l16 -8l10 14l12 -12l8 10z" fill="{p.Light}"/><path d="M-40 0L56 -{b}L144 0z" fill="{p.Dark}"/><path d="M56 -{b}l-26 {b * 0.27:0.0}l18 -8l10 14l12 -12l10 10z" fill="{p.Light}"/>
            """);
        for (var i = 0; i < 3 + d.Next(3); i++)
            s.Append(C, $"""<path d="M{d.Between(-120, 100)} 0l14 -{d.Between(36, 60)}l14 46z" fill="{p.Accent}"/>""");
    }

    private static void Lantern(StringBuilder s, Dice d, Palette p)
    {
        var w = d.Between(50, 64);
        s.Append(C, $"""
            <path d="M-{w} -176a{w} {d.Between(44, 58)} 0 0 1 {2 * w} 0" fill="none" stroke="{p.Dark}" stroke-width="8"/><rect x="-{w}" y="-186" width="{2 * w}" height="30" rx="9" fill="{p.Main}"/><rect x="-{w - 6}" y="-156" width="{2 * (w - 6)}" height="106" fill="{p.Light}"/><path d="M0 -{d.Between(132, 144)}c24 30 20 62 0 62s-24 -30 0 -62" fill="{p.Accent}"/>
            <path d="M-{w - 6} -156v106M{w - 6} -156v106" stroke="{p.Dark}" stroke-width="7"/><rect x="-{w + 8}" y="-50" width="{2 * (w + 8)}" height="50" rx="11" fill="{p.Main}"/><circle cy="-25" r="{d.Between(8, 13)}" fill="{p.Accent}"/>
            """);
    }

    private static void Box(StringBuilder s, Dice d, Palette p)
    {
        var (w, h) = (d.Between(78, 98), d.Between(120, 150));
        s.Append(C, $"""
            <rect x="-{w}" y="-{h}" width="{2 * w}" height="{h}" rx="8" fill="{p.Main}"/><rect x="-{w + 8}" y="-{h + 30}" width="{2 * (w + 8)}" height="40" rx="8" fill="{p.Dark}"/><rect x="-{d.Between(12, 18)}" y="-{h + 30}" width="30" height="{h + 30}" fill="{p.Accent}"/>
            <path d="M0 -{h + 30}C-70 -{h + 80} -70 -{h + 10} 0 -{h + 30}C70 -{h + 80} 70 -{h + 10} 0 -{h + 30}z" fill="none" stroke="{p.Accent}" stroke-width="12"/>
            """);
    }
}
