using System.Data;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Npgsql;

namespace ShopMesh.Catalog.Data;

internal enum ProductSort
{
    Name,
    Price,
    PriceDescending,
    Relevance,
}

/// <summary>
/// A list of products: filtered, sorted, and read a page at a time by keyset, so that a deep page costs what the first does.
/// The statement has only what the list asks for, so that each of its few forms is prepared once and has the index that fits it.
/// </summary>
internal sealed partial record ProductSearch(string? Query, string? Category, ProductSort Sort, int Limit, string? Cursor)
{
    public async Task<Page<Product>> ReadAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var command = ToCommand(database);
        if (command is null)
            return new([], null);
        List<(Product Product, string Key)> found = new(Limit + 1);
        await using (var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var product = ProductReads.Read(reader);
                found.Add((product, Sort switch
                {
                    ProductSort.Name => product.Name,
                    ProductSort.Relevance => reader.GetFloat(ProductReads.ColumnCount).ToString("R", CultureInfo.InvariantCulture),
                    _ => product.Price.ToString(CultureInfo.InvariantCulture),
                }));
            }
        }

        return Page.Of(found, Limit, hit => hit.Product, hit => ShopMesh.Cursor.Encode(Sort.ToString(), hit.Key, hit.Product.Id.ToString()));
    }

    /// <returns>Null when the query has no word, which nothing matches.</returns>
    /// <exception cref="InvalidFieldException">The cursor is of another list.</exception>
    private NpgsqlCommand? ToCommand(NpgsqlDataSource database)
    {
        var words = Query is null ? null : string.Join(" & ", Words().Matches(Query).Select(word => $"{word.Value}:*"));
        if (words is "")
            return null;

        var command = database.CreateCommand();
        var (key, direction) = Sort switch
        {
            ProductSort.Price => ("price", "ASC"),
            ProductSort.PriceDescending => ("price", "DESC"),
            ProductSort.Relevance => ("rank", "DESC"),
            _ => ("name", "ASC"),
        };
        var (ranked, rank) = Sort is ProductSort.Relevance ? (", ts_rank(search_vector, query) AS rank", ", rank") : ("", "");
        var source = "products";
        List<string> conditions = [];
        var sql = new StringBuilder();
        if (words is not null)
        {
            // Found by their words, and sorted then: by the index of the order, a rare word would be looked for in the whole catalog.
            source = "found";
            sql.Append(CultureInfo.InvariantCulture, $"""
                WITH found AS MATERIALIZED (
                    SELECT {ProductReads.Columns}{ranked}
                    FROM products, to_tsquery('english', {Parameter(words)}) AS query WHERE search_vector @@ query)

                """);
        }

        if (Category is not null)
            conditions.Add($"category_id = {Parameter(Category)}");
        if (After() is var (last, id))
            conditions.Add($"({key}, id) {(direction is "ASC" ? ">" : "<")} ({Parameter(last)}, {Parameter(id)})");
        sql.Append(CultureInfo.InvariantCulture, $"SELECT {ProductReads.Columns}{rank} FROM {source}");
        if (conditions.Count > 0)
            sql.Append(" WHERE ").AppendJoin(" AND ", conditions);
        sql.Append(CultureInfo.InvariantCulture, $" ORDER BY {key} {direction}, id {direction} LIMIT {Parameter(Limit + 1)}");
#pragma warning disable CA2100 // Put together from the constants above; what clients say is in parameters.
        command.CommandText = sql.ToString();
#pragma warning restore CA2100
        return command;

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }

    /// <summary>The sort key and the id of the last product of the page before.</summary>
    private (object Key, Guid Id)? After()
    {
        if (ShopMesh.Cursor.Decode(Cursor, 3) is not [var sort, var text, var id])
            return null;
        object? key = Sort switch
        {
            ProductSort.Name => text,
            ProductSort.Relevance => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var rank) ? rank : null,
            _ => decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var price) ? price : null,
        };
        if (key is null || sort != Sort.ToString() || !Guid.TryParse(id, out var guid))
            ShopMesh.Cursor.ThrowUnknown();
        return (key, Guid.Parse(id));
    }

    [GeneratedRegex(@"[\p{L}\p{N}]+")]
    private static partial Regex Words();
}
