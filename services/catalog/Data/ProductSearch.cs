using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Catalog.Data;

internal enum ProductSort
{
    Name,
    Price,
    PriceDescending,
    Relevance,
}

/// <summary>A list of products: filtered, sorted, and read a page at a time by keyset, so that a deep page costs what the first does.</summary>
internal sealed partial record ProductSearch(string? Query, string? Category, ProductSort Sort, int Limit, string? Cursor)
{
    public Task<Page<Product>> ReadAsync(CatalogContext context, CancellationToken cancellationToken)
    {
        var products = context.Products.AsNoTracking();
        if (Category is not null)
            products = products.Where(p => p.CategoryId == Category);

        var words = Query is null ? null : string.Join(" & ", Words().Matches(Query).Select(word => $"{word.Value}:*"));
        if (words is "")
            return Task.FromResult(new Page<Product>([], null));
        if (words is not null)
            products = products.Where(p => p.SearchVector.Matches(EF.Functions.ToTsQuery("english", words)));

        return Sort switch
        {
            ProductSort.Price => ByPriceAsync(products, cancellationToken),
            ProductSort.PriceDescending => ByPriceDescendingAsync(products, cancellationToken),
            ProductSort.Relevance when words is not null => ByRelevanceAsync(products, words, cancellationToken),
            _ => ByNameAsync(products, cancellationToken),
        };
    }

    private async Task<Page<Product>> ByNameAsync(IQueryable<Product> products, CancellationToken cancellationToken)
    {
        if (After() is var (name, id))
            products = products.Where(p => EF.Functions.GreaterThan(ValueTuple.Create(p.Name, p.Id), ValueTuple.Create(name, id)));
        var found = await products.OrderBy(p => p.Name).ThenBy(p => p.Id).Take(Limit + 1).ToListAsync(cancellationToken);
        return Page.Of(found, Limit, p => p, p => CursorAt(p.Name, p));
    }

    private async Task<Page<Product>> ByPriceAsync(IQueryable<Product> products, CancellationToken cancellationToken)
    {
        if (AfterNumber<decimal>() is var (price, id))
            products = products.Where(p => EF.Functions.GreaterThan(ValueTuple.Create(p.Price, p.Id), ValueTuple.Create(price, id)));
        var found = await products.OrderBy(p => p.Price).ThenBy(p => p.Id).Take(Limit + 1).ToListAsync(cancellationToken);
        return Page.Of(found, Limit, p => p, p => CursorAt(p.Price.ToString(CultureInfo.InvariantCulture), p));
    }

    private async Task<Page<Product>> ByPriceDescendingAsync(IQueryable<Product> products, CancellationToken cancellationToken)
    {
        if (AfterNumber<decimal>() is var (price, id))
            products = products.Where(p => EF.Functions.LessThan(ValueTuple.Create(p.Price, p.Id), ValueTuple.Create(price, id)));
        var found = await products.OrderByDescending(p => p.Price).ThenByDescending(p => p.Id).Take(Limit + 1).ToListAsync(cancellationToken);
        return Page.Of(found, Limit, p => p, p => CursorAt(p.Price.ToString(CultureInfo.InvariantCulture), p));
    }

    private async Task<Page<Product>> ByRelevanceAsync(IQueryable<Product> products, string words, CancellationToken cancellationToken)
    {
        var hits = products.Select(p => new { Product = p, Rank = p.SearchVector.Rank(EF.Functions.ToTsQuery("english", words)) });
        if (AfterNumber<float>() is var (rank, id))
            hits = hits.Where(h => EF.Functions.LessThan(ValueTuple.Create(h.Rank, h.Product.Id), ValueTuple.Create(rank, id)));
        var found = await hits.OrderByDescending(h => h.Rank).ThenByDescending(h => h.Product.Id).Take(Limit + 1).ToListAsync(cancellationToken);
        return Page.Of(found, Limit, h => h.Product, h => CursorAt(h.Rank.ToString("R", CultureInfo.InvariantCulture), h.Product));
    }

    private string CursorAt(string value, Product product) => ShopMesh.Cursor.Encode(Sort.ToString(), value, product.Id.ToString());

    private (string Value, Guid Id)? After()
    {
        if (ShopMesh.Cursor.Decode(Cursor, 3) is not [var sort, var value, var id])
            return null;
        if (sort != Sort.ToString() || !Guid.TryParse(id, out var guid))
            ShopMesh.Cursor.ThrowUnknown();
        return (value, Guid.Parse(id));
    }

    private (T Value, Guid Id)? AfterNumber<T>() where T : struct, System.Numerics.INumber<T>
    {
        if (After() is not var (text, id))
            return null;
        if (!T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            ShopMesh.Cursor.ThrowUnknown();
        return (value, id);
    }

    [GeneratedRegex(@"[\p{L}\p{N}]+")]
    private static partial Regex Words();
}
