using System.Data;
using Npgsql;

namespace ShopMesh.Catalog.Data;

/// <summary>The hot reads, in SQL: EF Core would take about half as much again for each.</summary>
internal static class ProductReads
{
    public const string Columns = "id, name, description, category_id, brand, price, updated_at, xmin";
    public const int ColumnCount = 8;

    public static async Task<Product?> FindProductAsync(this NpgsqlDataSource database, Guid id, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"SELECT {Columns} FROM products WHERE id = $1");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Read(reader) : null;
    }

    /// <summary>Those of them that are there, in no particular order.</summary>
    public static async Task<List<Product>> FindProductsAsync(this NpgsqlDataSource database, Guid[] ids, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"SELECT {Columns} FROM products WHERE id = ANY($1)");
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, cancellationToken);
        List<Product> products = new(ids.Length);
        while (await reader.ReadAsync(cancellationToken))
            products.Add(Read(reader));
        return products;
    }

    /// <summary>From a row that begins with <see cref="Columns"/>.</summary>
    public static Product Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Name = row.GetString(1),
        Description = row.GetString(2),
        CategoryId = row.GetString(3),
        Brand = row.GetString(4),
        Price = row.GetDecimal(5),
        UpdatedAt = row.GetFieldValue<DateTimeOffset>(6),
        Version = row.GetFieldValue<uint>(7),
    };
}
