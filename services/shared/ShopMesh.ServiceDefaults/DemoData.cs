namespace ShopMesh;

/// <summary>What the demo data of several services have to agree on.</summary>
public static class DemoData
{
    public const int ProductCount = 120;

    /// <summary>The id of a demo product, from its number, 1 to <see cref="ProductCount"/>: a UUIDv7 of the year 2025.</summary>
    public static Guid ProductId(int number) => Guid.Parse($"01942f3a-0000-7000-8000-{number:x12}");
}
