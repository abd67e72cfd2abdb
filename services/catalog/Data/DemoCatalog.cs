using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ShopMesh.Catalog.Data;

/// <summary>The products that a demo shop opens with.</summary>
internal static class DemoCatalog
{
    /// <summary>Adds them to an empty catalog; one that has products, or had some that were deleted, is left alone.</summary>
    public static async Task SeedAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await using var look = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("SELECT EXISTS (SELECT FROM categories)");
        if (await look.ExecuteScalarAsync(cancellationToken) is true)
            return;

        var context = services.GetRequiredService<CatalogContext>();
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        // Any number of pods may seed at once.
        await context.Database.ExecuteSqlAsync($"LOCK TABLE categories IN EXCLUSIVE MODE", cancellationToken);
        if (await context.Categories.AnyAsync(cancellationToken))
            return;

        var catalog = Read();
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        context.AddRange(catalog.Categories.Select(category => new Category { Id = category.Id, Name = category.Name }));
        context.AddRange(catalog.Products.Select((product, index) => new Product
        {
            Id = DemoData.ProductId(index + 1),
            Name = product.Name,
            Description = product.Description,
            CategoryId = product.Category,
            Brand = product.Brand,
            Price = product.Price,
            UpdatedAt = now,
        }));
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    public static DemoCatalogFile Read()
    {
        using var file = typeof(DemoCatalog).Assembly.GetManifestResourceStream("demo-catalog.json")!;
        return JsonSerializer.Deserialize(file, DemoCatalogJson.Default.DemoCatalogFile)!;
    }
}

internal sealed record DemoCatalogFile(DemoCategory[] Categories, DemoProduct[] Products);

internal sealed record DemoCategory(string Id, string Name);

internal sealed record DemoProduct(string Category, string Brand, string Name, string Description, decimal Price);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(DemoCatalogFile))]
internal sealed partial class DemoCatalogJson : JsonSerializerContext;
