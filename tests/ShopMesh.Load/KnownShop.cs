using System.Text.Json;

namespace ShopMesh.Load;

/// <summary>What a visitor knows of a shop before the load begins: some products, and where its pages begin.</summary>
internal sealed class KnownShop
{
    private const int MaxPages = 10;

    private readonly List<string> _products = [];
    private readonly List<string> _cursors = [""];

    public static async Task<KnownShop> ReadAsync(HttpClient http, CancellationToken cancellationToken)
    {
        var shop = new KnownShop();
        for (string? cursor = ""; cursor is not null && shop._cursors.Count < MaxPages;)
        {
            using var page = JsonDocument.Parse(await http.GetStringAsync($"/api/catalog/products?limit=20&cursor={Uri.EscapeDataString(cursor)}", cancellationToken));
            shop._products.AddRange(page.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!));
            cursor = page.RootElement.GetProperty("nextCursor").GetString();
            if (cursor is not null)
                shop._cursors.Add(cursor);
        }

        return shop._products.Count > 1 ? shop : throw new InvalidOperationException("The shop has no products to load it with: it needs two at least.");
    }

    public string AnyCursor() => _cursors[Next(_cursors.Count)];

    public string AnyProduct() => _products[Next(_products.Count)];

#pragma warning disable CA5394 // Nothing here is secret.
    public static int Next(int below) => Random.Shared.Next(below);
#pragma warning restore CA5394
}
