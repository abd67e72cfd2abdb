using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Catalog.Data;

internal sealed class CatalogContext(DbContextOptions<CatalogContext> options) : DbContext(options)
{
    public DbSet<Product> Products => Set<Product>();

    public DbSet<Category> Categories => Set<Category>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Category>(category =>
        {
            category.Property(c => c.Id).HasMaxLength(64);
            category.Property(c => c.Name).HasMaxLength(100);
            category.Property(c => c.ProductCount).HasDefaultValue(0).ValueGeneratedOnAddOrUpdate();
        });

        modelBuilder.Entity<Product>(product =>
        {
            product.Property(p => p.Id).ValueGeneratedNever();
            // Code points, so that the order of a list is the same on every server.
            product.Property(p => p.Name).HasMaxLength(200).UseCollation("C");
            product.Property(p => p.Description).HasMaxLength(4000);
            product.Property(p => p.Brand).HasMaxLength(100);
            product.Property(p => p.Price).HasPrecision(10, 2);
            product.Property(p => p.Version).IsRowVersion();
            product.Property(p => p.SearchVector).HasComputedColumnSql(
                "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', brand), 'B') || setweight(to_tsvector('english', description), 'C')",
                stored: true);
            product.HasOne<Category>().WithMany().HasForeignKey(p => p.CategoryId).OnDelete(DeleteBehavior.Restrict);
            // Without a list of what is still to be indexed, which every search would have to read through.
            product.HasIndex(p => p.SearchVector).HasMethod("GIN").HasStorageParameter("fastupdate", false);
            // Keyset pagination: each sort order ends in the id, alone and within a category.
            product.HasIndex(p => new { p.Name, p.Id });
            product.HasIndex(p => new { p.Price, p.Id });
            product.HasIndex(p => new { p.CategoryId, p.Name, p.Id });
            product.HasIndex(p => new { p.CategoryId, p.Price, p.Id });
        });
    }
}
