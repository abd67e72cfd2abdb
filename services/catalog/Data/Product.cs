using NpgsqlTypes;

namespace ShopMesh.Catalog.Data;

internal sealed class Product
{
    public required Guid Id { get; init; }

    public required string Name { get; set; }

    public required string Description { get; set; }

    public required string CategoryId { get; set; }

    public required string Brand { get; set; }

    /// <summary>In the shop's currency, two decimals.</summary>
    public required decimal Price { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>PostgreSQL's xmin: another one after each change.</summary>
    public uint Version { get; init; }

    public NpgsqlTsVector SearchVector { get; private set; } = null!;
}

internal sealed class Category
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    /// <summary>Kept by the database (a trigger): counting would cost more with every product.</summary>
    public int ProductCount { get; private set; }
}
