namespace ShopMesh.Load;

/// <summary>What a load is made of.</summary>
/// <param name="Gateway">Where the shop is.</param>
public sealed record LoadOptions(Uri Gateway)
{
    /// <summary>Requests per second that are offered, whatever comes back.</summary>
    public double Rate { get; init; } = 100;

    public Mix Mix { get; init; } = Mix.Default;

    /// <summary>How long a request may take before it counts as failed: longer than the gateway gives it.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How old a connection may get: a client that kept its own for ever would never meet a new pod of the gateway.</summary>
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>How often each journey begins, compared with the others.</summary>
public sealed record Mix(int Browse, int Basket, int Order)
{
    public static Mix Default { get; } = new(Browse: 8, Basket: 2, Order: 1);

    /// <exception cref="FormatException">It is not of the form <c>browse=8,basket=2,order=1</c>, or nothing is left of it.</exception>
    public static Mix Parse(string text)
    {
        var mix = new Mix(0, 0, 0);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            mix = part.Split('=') switch
            {
                ["browse", var weight] => mix with { Browse = Weight(weight) },
                ["basket", var weight] => mix with { Basket = Weight(weight) },
                ["order", var weight] => mix with { Order = Weight(weight) },
                _ => throw Malformed(text),
            };
        }

        return mix is { Browse: 0, Basket: 0, Order: 0 } ? throw Malformed(text) : mix;

        int Weight(string weight) => int.TryParse(weight, System.Globalization.CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1_000 ? value : throw Malformed(text);
    }

    public override string ToString() => $"browse={Browse},basket={Basket},order={Order}";

    private static FormatException Malformed(string text) => new($"'{text}' is no mix of journeys, such as browse=8,basket=2,order=1 (weights from 0 to 1000, not all of them 0).");
}
