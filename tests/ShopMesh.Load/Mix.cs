using System.Globalization;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>How often each journey begins, compared with the others.</summary>
public sealed class Mix
{
    private const int MaxWeight = 1_000;

    /// <exception cref="ArgumentException">A weight is not from 0 to 1000, or nothing is left.</exception>
    public Mix(params IReadOnlyList<(Journey Journey, int Weight)> parts)
    {
        if (parts.Any(part => part.Weight is < 0 or > MaxWeight) || parts.All(part => part.Weight == 0))
            throw new ArgumentException("Weights are from 0 to 1000, and not all of them 0.", nameof(parts));
        Parts = [.. parts.Where(part => part.Weight > 0)];
    }

    /// <summary>Of the three that are found in every shop. The parameters are named as the journeys are.</summary>
    public Mix(int Browse, int Basket, int Order)
        : this((Journey.Browse, Browse), (Journey.Basket, Basket), (Journey.Order, Order))
    {
    }

    /// <summary>As customers are: most look around, few buy.</summary>
    public static Mix Default { get; } = new((Journey.Browse, 8), (Journey.Search, 3), (Journey.Basket, 2), (Journey.Order, 1), (Journey.Watch, 1));

    public IReadOnlyList<(Journey Journey, int Weight)> Parts { get; }

    /// <summary>How many requests a visit makes on the average.</summary>
    public double RequestsEach => Parts.Sum(part => part.Weight * part.Journey.Requests) / Parts.Sum(part => part.Weight);

    /// <summary>Whether anyone in it has to be signed in.</summary>
    public bool NeedsCustomers => Parts.Any(part => part.Journey.NeedsCustomer);

    /// <summary>One journey, or requests of one kind, alone.</summary>
    public static Mix Only(Journey journey) => new((journey, 1));

    /// <exception cref="FormatException">It is not of the form <c>browse=8,order=1</c> or <c>product</c>, or nothing is left of it.</exception>
    public static Mix Parse(string text)
    {
        try
        {
            return new([.. text.Split(',', StringSplitOptions.TrimEntries).Select(Part)]);
        }
        catch (ArgumentException)
        {
            throw Malformed(text);
        }

        (Journey, int) Part(string part) => part.Split('=') switch
        {
            [var name] when Find(name) is { } journey => (journey, 1),
            [var name, var weight] when Find(name) is { } journey && int.TryParse(weight, NumberStyles.None, CultureInfo.InvariantCulture, out var value) => (journey, value),
            _ => throw Malformed(text),
        };

        static Journey? Find(string name) => Journey.All.FirstOrDefault(journey => journey.Name == name);
    }

    public override string ToString() => Parts is [(var only, _)] ? only.Name : string.Join(',', Parts.Select(part => $"{part.Journey.Name}={part.Weight}"));

    /// <summary>A round of visits: each as often as its weight says, and evenly spread.</summary>
    internal Journey[] Interleave() =>
        [.. Parts.SelectMany(part => Enumerable.Range(0, part.Weight).Select(index => (part.Journey, At: (index + 0.5) / part.Weight))).OrderBy(pair => pair.At).Select(pair => pair.Journey)];

    private static FormatException Malformed(string text) => new(
        $"'{text}' is no mix of journeys, such as browse=8,order=1 (weights from 0 to {MaxWeight}, not all of them 0), or one alone. There are {string.Join(", ", Journey.All.Select(journey => journey.Name))}.");
}
